// A worker, whose name says what it does: "engine" is the page's own program in its other role, "lab" and "replay" are the Lab's. It
// compiles its program off the page's thread; the engine's worker hands it to the page, which has the same one.
'use strict';
importScripts('dist/wasm_exec.js' + location.search);

const early = []; // what arrives before the program listens
onmessage = event => early.push(event.data);
self.early = early;

const PROGRAM = { engine: 'dist/app.wasm', lab: 'dist/lab.wasm', replay: 'dist/lab.wasm', families: 'dist/families.wasm' };
const programs = {};

// program compiles one, once. One that could not be had is asked for again.
self.program = name => programs[name] ??= (async () => {
	try {
		const answer = await fetch(PROGRAM[name] + location.search);
		if (!answer.ok) throw new Error('status ' + answer.status);
		return await WebAssembly.compileStreaming(answer);
	} catch (e) {
		delete programs[name];
		throw e;
	}
})();

// begin runs one, beside this worker's own, until it ends.
self.begin = async name => {
	const go = new Go();
	go.argv = ['unbrick', name];
	let code = 0;
	const exit = go.exit.bind(go);
	go.exit = n => { code = n; exit(n); };
	await go.run(await WebAssembly.instantiate(await self.program(name), go.importObject));
	if (code) throw new Error('exit code ' + code);
};

// What takes the browser a moment is asked for while the program is compiled: the lock that only one tab holds, and its databases.
if (self.name === 'engine') {
	const ask = async (of, otherwise) => { try { return await of(); } catch { return otherwise; } };
	const locked = (options, then) => navigator.locks.request('unbrick', options, lock => { then(!!lock); return lock && new Promise(() => {}); });
	self.tab = new Promise(done => ask(() => locked({ ifAvailable: true }, done), true).then(done));
	self.waitForTab = then => ask(() => locked({}, then)).then(then);
	ask(() => indexedDB.databases());
}

async function start() {
	let module;
	try {
		module = await self.program(self.name);
	} catch (e) {
		return postMessage({ missing: String(e) });
	}
	if (self.name === 'engine') postMessage({ module });
	try {
		await self.begin(self.name);
		postMessage({ halt: 'exit code 0' });
	} catch (e) {
		postMessage({ halt: String(e) });
	}
}

start();
