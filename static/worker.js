// The worker's half of the program: same binary, other role. The page sends the compiled module first;
// every later message is the program's own.
'use strict';
importScripts('dist/wasm_exec.js' + location.search);

const early = []; // what arrives before the program listens

onmessage = async event => {
	onmessage = later => early.push(later.data);
	const go = new Go();
	go.argv = ['unbrick', 'worker'];
	let code = 0;
	const exit = go.exit.bind(go);
	go.exit = n => { code = n; exit(n); };
	self.early = early;
	try {
		await go.run(await WebAssembly.instantiate(event.data.module, go.importObject));
		postMessage({ halt: 'exit code ' + code });
	} catch (e) {
		postMessage({ halt: String(e) });
	}
};
