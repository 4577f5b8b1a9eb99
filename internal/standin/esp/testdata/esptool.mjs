// Runs npm's esptool-js, as it is, against a stand-in: node esptool.mjs HOST PORT '{"baud":115200,"file":"F","at":65536,"compress":false}'.
// It prints one line of JSON. What esptool-js does not do by itself without its stub is done here by its own public methods and fields, and
// is marked.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { RemotePort } from "./port.mjs";

const [host, tcp, json] = process.argv.slice(2);
const want = JSON.parse(json);
const require = createRequire(process.env.ESPTOOL_JS + "/package.json");
const { ESPLoader, Transport } = await import(pathToFileURL(require.resolve("esptool-js")));

const port = new RemotePort(host, Number(tcp), want.info);
const transport = new Transport(port, false);
const log = [];
const terminal = { clean() {}, writeLine: (s) => log.push(s), write: (s) => log.push(s) };
const loader = new ESPLoader({ transport, baudrate: want.baud, romBaudrate: 115200, terminal });
const result = {};

// MARK 1: without its stub; it has no option for that.
loader.runStub = async () => loader.chip;
// MARK 2: blocks as ROMs take them; esptool-js keeps the 4000h of its stub.
loader.FLASH_WRITE_SIZE = 0x400;

const words = (...w) => { const b = Buffer.alloc(4 * w.length); w.forEach((v, i) => b.writeUInt32LE(v, 4 * i)); return new Uint8Array(b); };

try {
  // MARK 7: noise in front of the answers to SYNC, which the stand-in sends, makes it give up about once in 40 times, with answers of the
  // SYNC before still on their way. Whoever uses it tries again then.
  for (result.tries = 1; !result.chip; result.tries++) {
    try {
      result.chip = await loader.main();
    } catch (e) {
      if (result.tries === 3 || !String(e?.message).includes("Invalid head of packet")) throw e;
      await transport.disconnect();
      await new Promise((good) => setTimeout(good, 200));
    }
  }
  // MARK 6: an ESP8266 has no registers for the lengths; esptool-js has them at offset 0, which is the command.
  if (want.noLengths) loader.chip.SPI_MOSI_DLEN_OFFS = loader.chip.SPI_MISO_DLEN_OFFS = null;
  result.name = loader.chip.CHIP_NAME;
  result.mac = await loader.chip.readMac(loader);
  const first = loader.chip.CHIP_NAME === "ESP8266";
  // MARK 3: the flash is attached, and its size set; esptool-js leaves that to its stub.
  if (first) {
    await loader.checkCommand("attach", 0x02, words(0, 0, 0x400, 0));
  } else {
    await loader.checkCommand("attach", 0x0d, words(0, 0));
    await loader.checkCommand("set size", 0x0b, words(0, want.flash, 0x10000, 0x1000, 0x100, 0xffff));
  }
  result.size = await loader.detectFlashSize();
  result.id = await loader.readFlashId();
  if (want.fourWords) {
    // MARK 4: esptool-js sends five words to every ROM.
    loader.flashBegin = async function (size, offset) {
      const blocks = Math.ceil(size / this.FLASH_WRITE_SIZE);
      await this.checkCommand("begin", 0x02, words(size, blocks, this.FLASH_WRITE_SIZE, offset), 0, 0, 60000);
      return blocks;
    };
  }
  if (want.file) {
    const data = new Uint8Array(readFileSync(want.file));
    const before = { ...port.bytes };
    let first_, last;
    const t = performance.now();
    await loader.writeFlash({
      fileArray: [{ data, address: want.at }], flashSize: "keep", flashMode: "keep", flashFreq: "keep", compress: want.compress, eraseAll: false,
      reportProgress: (_, n) => { if (n === 0) first_ = performance.now(); last = performance.now(); },
      // MARK 5: a ROM's digest is text, which esptool-js turns into hexadecimal once more.
      calculateMD5Hash: first ? undefined
        : (p) => Buffer.from(createHash("md5").update(p).digest("hex")).toString("hex"),
    });
    result.ms = performance.now() - t;
    result.dataMs = last - first_;
    result.out = port.bytes.out - before.out;
    result.bytes = data.length;
  }
  result.baud = transport.baudrate;
  if (want.reset) {
    await transport.setRTS(true);
    await new Promise((good) => setTimeout(good, 100));
    await loader.after("hard_reset", false);
  }
} catch (e) {
  result.error = String(e?.message ?? e);
}
result.log = log;
console.log(JSON.stringify(result));
port.hangUp();
process.exit(0);
