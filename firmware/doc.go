// Package firmware says what a firmware file is and what it holds, and whether that may be written to a device.
//
// Read recognises a file by its content and reads it strictly: all that it says of itself is compared with what it holds, and a file
// whose own check fails is refused. File.Place says where its parts lie in a device's flash. Fit refuses what would leave a device dead:
// another chip, another offset, a boot loader where the application belongs. Every refusal is a *Refusal, with a reason and numbers, so
// that who shows it chooses the words.
//
// Each family's own formats are rooms of their own: espimage for Espressif's chips, mcuboot for signed images of MCUboot. Room webtools
// reads the manifests of ESP Web Tools, and never comes into the page. docs/firmware-files.md lists formats, sources and checks.
//
// Everything is bounded by the length of the file, which limits.Firmware bounds; nothing is started and nothing kept.
package firmware
