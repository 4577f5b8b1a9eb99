// A SerialPort as Web Serial has it, at the far end of an RFC 2217 connection: what esptool-js is given in place of navigator.serial's.
import net from "node:net";

const IAC = 255, SB = 250, SE = 240, COM = 44;

export class RemotePort {
  constructor(host, port, info = {}) {
    this.at = { host, port };
    this.info = info;
    this.readable = null;
    this.writable = null;
    this.bytes = { out: 0, in: 0 };
  }

  getInfo() { return this.info; }

  async open({ baudRate }) {
    if (this.readable) throw new Error("the port is already open");
    if (!this.socket) {
      this.socket = await new Promise((good, bad) => {
        const s = net.connect(this.at, () => good(s));
        s.once("error", bad);
      });
      this.socket.setNoDelay(true);
      this.socket.on("data", (d) => this.#data(d));
      this.socket.on("close", () => { this.sink?.error(new DOMException("The device has been lost.", "NetworkError")); this.sink = null; });
      this.socket.on("error", () => {});
      this.socket.write(Buffer.from([IAC, 251, COM]));
    }
    const baud = Buffer.alloc(4);
    baud.writeUInt32BE(baudRate);
    this.#command(1, baud);
    this.readable = new ReadableStream({
      start: (c) => { this.sink = c; },
      cancel: () => { this.sink = null; },
    });
    this.writable = new WritableStream({
      write: (p) => {
        this.bytes.out += p.length;
        return new Promise((good) => this.socket.write(double(p), good));
      },
    });
  }

  // The connection stays, as the adapter does: only its port is closed.
  async close() {
    if (this.readable?.locked || this.writable?.locked) throw new Error("a stream is locked");
    this.readable = this.writable = this.sink = null;
    this.#command(5, Buffer.from([9]));
    this.#command(5, Buffer.from([12]));
  }

  async setSignals({ dataTerminalReady: dtr, requestToSend: rts }) {
    if (dtr !== undefined) this.#command(5, Buffer.from([dtr ? 8 : 9]));
    if (rts !== undefined) this.#command(5, Buffer.from([rts ? 11 : 12]));
  }

  hangUp() { this.socket?.destroy(); }

  #command(n, value) { this.socket.write(Buffer.concat([Buffer.from([IAC, SB, COM, n]), double(value), Buffer.from([IAC, SE])])); }

  // Data without what telnet says.
  #state = 0;
  #data(d) {
    const out = [];
    for (const b of d) {
      if (this.#state === 0) { if (b === IAC) this.#state = 1; else out.push(b); }
      else if (this.#state === 1) {
        if (b === IAC) { out.push(b); this.#state = 0; }
        else this.#state = b === SB ? 3 : b > SB ? 2 : 0;
      } else if (this.#state === 2) this.#state = 0;
      else if (this.#state === 3) { if (b === IAC) this.#state = 4; }
      else this.#state = b === SE ? 0 : 3;
    }
    this.bytes.in += out.length;
    if (out.length && this.sink) this.sink.enqueue(Uint8Array.from(out));
  }
}

function double(p) {
  const out = [];
  for (const b of p) { out.push(b); if (b === IAC) out.push(b); }
  return Buffer.from(out);
}
