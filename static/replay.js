// Computes one run of the power-cut lab: the program is loaded only when somebody opens a replay. It gets
// the request from self.request, and leaves the answer in self.answer.
'use strict';
importScripts('dist/wasm_exec.js' + location.search);

onmessage = async event => {
	self.request = event.data;
	try {
		const go = new Go();
		const { instance } = await WebAssembly.instantiateStreaming(fetch('dist/replay.wasm' + location.search), go.importObject);
		await go.run(instance);
	} catch (e) {
		console.error('unbrick: replay: ' + e);
	}
	postMessage(self.answer || null);
};
