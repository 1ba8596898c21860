// Keeps the phone's files, so that it starts without a connection. The server writes VERSION and
// FILES above. It keeps no answer of the books: those are in the phone's own store.
const KEPT = `phone-${VERSION}`;

self.addEventListener("install", (event) => {
  const load = FILES.map((path) => new Request(path, { cache: "reload" }));
  event.waitUntil(caches.open(KEPT).then((kept) => kept.addAll(load)));
  self.skipWaiting();
});

self.addEventListener("activate", (event) => {
  const others = async () => {
    const names = await caches.keys();
    const old = names.filter((name) => name.startsWith("phone-") && name !== KEPT);
    await Promise.all(old.map((name) => caches.delete(name)));
    await self.clients.claim();
  };
  event.waitUntil(others());
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  const ours = url.origin === self.location.origin && FILES.includes(url.pathname);
  if (event.request.method !== "GET" || !ours) return;
  const answer = async () => {
    const kept = await caches.open(KEPT);
    return (await kept.match(url.pathname)) ?? fetch(event.request);
  };
  event.respondWith(answer());
});
