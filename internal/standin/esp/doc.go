// Package esp is a stand-in of the boot loaders that Espressif's chips have in ROM, stricter than silicon. A Chip is a standin.Device: it
// starts its program, enters its loader by exact line history only, speaks the loader's protocol, and its flash's contents decide
// whether it starts and what it says then. Nothing of an application runs here.
//
// What is known is from Espressif's tools and documentation (esptool: loader, targets, serial-protocol, boot-mode-selection; esptool-js),
// banners from logs that people published. Nothing was compared with silicon. What is not known was decided against the host. So:
//
//   - The first SYNC after a reset is lost, and noise comes back, or noise and the beginning of an answer. What comes before the
//     second, and is no SYNC, is not answered, and is a fault.
//   - Bytes between two frames are a fault once SYNC was answered.
//   - The body of a command has exactly the documented length, or 0105: FLASH_BEGIN and DEFL_BEGIN have four words on ESP8266 and ESP32 and
//     five on the others, SPI_ATTACH has eight bytes, FLASH_DATA's length is that of its data. Reserved words are 0, or 0101.
//   - A block is 400h bytes and its number is the next one, or 0101: one that was sent before is refused, too, as it is not documented
//     what a ROM does. After a lost answer a host must begin anew.
//   - Nothing is erased, written, read or computed before SPI_ATTACH and SPI_SET_PARAMS (ESP8266: FLASH_BEGIN with size 0), nor beyond
//     the size that was set: 0106. Beyond 16 MiB it begins at 0 again, and that is a fault.
//   - A chip that erases, writes or computes hears nothing but what fits into 128 bytes; what is lost is a fault. SLIP frames that are not
//     complete by then are spoiled.
//   - DEFL keeps its last bytes (1 to 1,024) until DEFL_END, and DEFL_END leaves the loader, so that they cannot be verified.
//     Config.WritesTail is a ROM that does not. After an error every DEFL_DATA fails until a reset.
//   - FLASH_END and DEFL_END are answered, and nothing after them is.
//   - The reserved bytes of a status, the value field of an answer, and what READ_FLASH_SLOW returns behind what was asked for are random.
//   - An unsupported command is answered eight times, with its own number or with another one.
//   - A register that is not in a table of Espressif's tools reads as a random number, and is a fault.
//   - CHANGE_BAUDRATE makes it deaf for 10 ms and say three bytes of garbage; its speed is off by what its clock is off.
//   - On a USB port of its own it leaves the bus at each reset for 300 to 1,500 ms, and resets by itself 5 s after it came into
//     download mode if its two watchdogs were not stopped (how long a real one takes was not looked up).
//   - ESP8266 and ESP32 take the speed of the first SYNC (9,600 to 921,600); all others hear 115,200 only.
//
// Times are choices, not measurements: Times has them.
package esp
