// Keeps the page usable without a network. What carries a version in its address never changes and is
// taken from the cache; everything else is asked for first and taken from the cache only when nobody
// answers. The Lab's program and that of families come when the page has the time for them. The server's data (/api, /link and the rest) is not ours to keep.
'use strict';
importScripts('dist/version.js');

const CACHE = 'unbrick-' + self.UNBRICK.version;
const PATIENCE = 4000; // ms that a network may take when the cache has an answer
const versioned = f => f === 'worker.js' || (f.startsWith('dist/') && f !== 'dist/version.js');
const KEEP = [...self.UNBRICK.files, 'dist/version.js'].map(f => versioned(f) ? f + '?v=' + self.UNBRICK.version : f);
const LATER = ['dist/families.wasm', 'dist/lab.wasm'].map(f => f + '?v=' + self.UNBRICK.version);
const OURS = new Set([...KEEP, ...LATER].map(f => new URL(f, self.registration.scope).href));

self.addEventListener('install', e => e.waitUntil((async () => {
	const cache = await caches.open(CACHE);
	await cache.addAll(KEEP.map(f => new Request(f, { cache: 'no-cache' })));
	await self.skipWaiting();
})()));

self.addEventListener('activate', e => e.waitUntil((async () => {
	for (const name of await caches.keys()) {
		if (name.startsWith('unbrick-') && name !== CACHE) await caches.delete(name);
	}
	await self.clients.claim();
})()));

self.addEventListener('message', e => e.waitUntil((async () => { // the page is at rest
	const cache = await caches.open(CACHE);
	for (const f of LATER) if (!await cache.match(f)) await cache.add(f);
})()));

async function networkFirst(request, key) {
	const kept = await caches.match(key);
	const asked = fetch(request);
	if (!kept) return asked;
	asked.catch(() => {});
	const slow = new Promise(done => setTimeout(done, PATIENCE));
	try {
		const answer = await Promise.race([asked, slow]);
		return answer && answer.ok ? answer : kept;
	} catch {
		return kept;
	}
}

self.addEventListener('fetch', e => {
	const url = new URL(e.request.url);
	if (e.request.method !== 'GET' || url.origin !== location.origin) return;
	if (e.request.mode === 'navigate') {
		if (url.pathname === new URL('./', self.registration.scope).pathname) e.respondWith(networkFirst(e.request, './'));
		return;
	}
	if (!OURS.has(url.href)) return;
	e.respondWith(url.searchParams.has('v')
		? caches.match(e.request).then(kept => kept || fetch(e.request))
		: networkFirst(e.request, e.request));
});
