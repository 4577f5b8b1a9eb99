// Package espimage reads what lies in the flash of Espressif's chips: images of applications and boot loaders, partition tables, and the
// data that says which application starts. It knows the chips that such images are for, and nothing of files around them: package
// firmware does.
//
// The forms are those of esptool's documentation ("Firmware Image Format"), of ESP-IDF's gen_esp32part.py, bootloader_support and "Secure
// Boot v2" (signature blocks), and for the Arduino core of the ESP8266 of its elf2bin.py; docs/firmware-files.md says which check is from
// where.
//
// Everything is bounded by what is read; nothing is kept but parts of it.
package espimage
