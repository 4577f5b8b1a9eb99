// Starts the program: the shell is on the screen already, this loads what the build has made and hands
// the page over. Nothing here knows what the page shows, except the banner for a program that is gone.
'use strict';
(() => {
	const WORDS = {
		missing: ['This server was built without its page.', 'Whoever runs it can build it again with “make build”.'],
		network: ['The page could not be loaded.', 'Check the network, then reload. Nothing was written to any device.'],
		old: ['This browser is too old for this page.', 'Use a current Chrome, Edge, Opera or Firefox.'],
		lab: ['The Lab could not be loaded.', 'Check the network, then reload. Nothing else has stopped.'],
		'lab-ended': ['The Lab has stopped.', 'Reload the page to begin it again. Nothing else has stopped.'],
		ended: ['The page has stopped.', 'Reload it. A device that was being restored is not lost: connect it again and it carries on.'],
	};

	// One banner, once: the first reason is the true one.
	let halted = false;
	function halt(why, detail) {
		if (halted) return;
		halted = !why.startsWith('lab'); // the rest goes on without it
		const [what, todo] = WORDS[why] || WORDS.ended;
		let box = document.getElementById('halt');
		if (!box) {
			box = document.createElement('div');
			box.id = 'halt';
			document.body.prepend(box);
		}
		box.className = 'halt';
		box.setAttribute('role', 'alert');
		const head = document.createElement('strong');
		head.textContent = what;
		const say = document.createElement('span');
		say.textContent = ' ' + todo + ' ';
		const again = document.createElement('button');
		again.type = 'button';
		again.className = 'button small';
		again.textContent = 'Reload';
		again.addEventListener('click', () => location.reload());
		box.replaceChildren(head, say, again);
		box.hidden = false;
		document.documentElement.dataset.halted = why;
		if (detail) console.error('unbrick: ' + why + ': ' + detail);
	}

	function script(src) {
		return new Promise((done, fail) => {
			const el = document.createElement('script');
			el.src = src;
			el.onload = done;
			el.onerror = () => fail(new Error(src));
			document.head.append(el);
		});
	}

	function tellSize(bytes) {
		const hint = document.getElementById('size-hint');
		if (hint?.dataset.words) hint.textContent = hint.dataset.words.replace('{size}', Math.round(bytes / 1024) + ' KB');
	}

	// startWorker starts a worker; static/worker.js knows what its name says.
	const startWorker = name => new Worker('worker.js?v=' + self.UNBRICK.version, { name });

	// compiled is the page's own program, which the engine's worker compiles: the page's thread stays free meanwhile.
	function compiled(worker, early) {
		return new Promise((done, fail) => {
			worker.onerror = e => fail(new Error(e.message));
			worker.onmessage = e => {
				if (e.data.missing) return fail(new Error(e.data.missing));
				worker.onmessage = e => early.push(e.data); // for the page's program
				done(e.data.module);
			};
		});
	}

	// port is there when the person has chosen one before the program is there, which is told of it then.
	let chosen;
	const port = new Promise(done => { chosen = done; });

	// offerConnect lets Connect open the browser's chooser at once, as the program's does: a port that was allowed earlier stands for a
	// choice, and a chooser that is closed without one leaves everything as it was.
	function offerConnect() {
		const button = document.querySelector('#page .act button');
		const say = words => { button.firstElementChild.textContent = words; };
		let asking = false;
		button.addEventListener('click', async () => {
			// vugu takes over what stands where it draws, and with it, it may be, this button: then Connect is the program's.
			if (asking || document.documentElement.classList.contains('ready')) return;
			asking = true;
			try {
				if (!(await navigator.serial.getPorts()).length) await navigator.serial.requestPort();
			} catch {
				asking = false;
				return;
			}
			say(button.dataset.chosen);
			button.classList.add('busy');
			button.disabled = true;
			const hint = document.getElementById('size-hint');
			hint.textContent = button.dataset.hint;
			delete hint.dataset.words;
			chosen();
		});
		say(button.dataset.offer);
		button.classList.remove('busy');
		button.disabled = false;
	}

	async function start() {
		if (!self.WebAssembly || !WebAssembly.compileStreaming || !self.Worker) return halt('old');
		try {
			await script('dist/version.js');
		} catch (e) {
			return halt(navigator.onLine === false ? 'network' : 'missing', e.message);
		}
		const v = '?v=' + self.UNBRICK.version;
		tellSize(self.UNBRICK.size);
		const early = [];
		let module, worker;
		try {
			worker = startWorker('engine');
			[module] = await Promise.all([
				compiled(worker, early),
				script('dist/vugu.js' + v),
				script('dist/wasm_exec.js' + v),
			]);
		} catch (e) {
			return halt('network', e.message);
		}
		const ready = () => (self.requestIdleCallback || setTimeout)(keep);
		self.unbrick = { ready, port, worker, early, start: startWorker, halt };
		const go = new Go();
		go.argv = ['unbrick', 'page'];
		let code = 0;
		const exit = go.exit.bind(go);
		go.exit = n => { code = n; exit(n); };
		try {
			await go.run(await WebAssembly.instantiate(module, go.importObject));
			halt('ended', 'exit code ' + code);
		} catch (e) {
			halt('ended', String(e));
		}
	}

	try { // the theme before the first paint; a browser that keeps nothing shows the system's
		const theme = localStorage.getItem('unbrick-theme');
		if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
	} catch { /* storage is off */ }

	// What this browser or address cannot do is said before the program is loaded, which says it again with its buttons.
	const without = !self.isSecureContext ? 'no-protection' : !navigator.serial ? 'no-serial' : '';
	if (without) {
		document.querySelector('#page .pane').replaceChildren(document.getElementById(without).content.cloneNode(true));
		if (!self.isSecureContext) { // where no browser keeps the page
			const foot = document.querySelector('.foot p');
			foot.textContent = foot.textContent.replace('Works without a network. ', '');
		}
		document.title = document.querySelector('#page h1').textContent.replace(/\.$/, '') + ' · Unbrick';
	} else {
		offerConnect();
	}

	start();

	// keep lets the service worker keep the page for later, and fetch the Lab's program: when the page has been drawn, for which it
	// needs the processor.
	async function keep() {
		try { // a browser that keeps nothing for this page forbids even to ask
			const now = await navigator.serviceWorker?.register('sw.js');
			(now?.installing || now?.waiting || now?.active)?.postMessage('lab'); // the newest: its cache is the one that stays
		} catch (e) {
			console.warn('unbrick: works without a network only after ' + e.message);
		}
	}
})();
