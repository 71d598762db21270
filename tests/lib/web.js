// A service of node's, and what asks it.
//
//	web.js serve PORT [DIR]		answers with the peer's address, and its own; over TLS, where there is a
//					directory with cert.pem and key.pem, by HTTP/1.1 and HTTP/2
//	web.js ask HOST PORT [DIR]	a hundred requests at once, ten more by the same connections; over TLS a
//					hundred by one connection of HTTP/2, and one that trusts nobody; and
//					a connection to a name of which the first address answers nobody;
//					prints what came of it
const fs = require("fs");
const http = require("http");
const http2 = require("http2");
const https = require("https");
const net = require("net");
const tls = require("tls");
const [, , what, ...operands] = process.argv;

const read = (dir, name) => fs.readFileSync(`${dir}/${name}.pem`);

function serve(port, dir) {
	const answer = (request, response) => {
		const s = request.socket;
		response.end(`${s.remoteAddress} ${s.localAddress}:${s.localPort}`);
	};
	const server = dir ? http2.createSecureServer({ allowHTTP1: true, cert: read(dir, "cert"),
		key: read(dir, "key") }, answer) : http.createServer(answer);
	server.listen(port, "0.0.0.0", () => console.log("ready"));
}

// Answers, by how often they came; add(text) counts one.
function tally() {
	const counts = {};
	return { counts, add: text => counts[text] = (counts[text] || 0) + 1 };
}

const text_of = stream => new Promise((done, failed) => {
	let text = "";
	stream.on("data", data => text += data);
	stream.on("end", () => done(text));
	stream.on("error", failed);
});

async function ask_two(host, port, trust) {
	const session = http2.connect(`https://${host}:${port}`, trust);
	const { counts, add } = tally();

	await Promise.all(Array.from({ length: 100 }, async () => add(await text_of(session.request()))));
	console.log(session.alpnProtocol, JSON.stringify(counts));
	session.close();
}

const ask_stranger = (host, port) => new Promise(done => {
	https.get({ host, port }, () => done("trusted")).on("error", error => done(error.code));
});

async function ask(host, port, dir) {
	const trust = dir ? { ca: read(dir, "cert"), servername: "box" } : {};
	const web = dir ? https : http;
	const agent = new web.Agent({ keepAlive: true, ...trust });
	const { counts, add } = tally(), own = new Set(), sockets = new Set();

	const get = () => new Promise((done, failed) => {
		const request = web.get({ host, port, agent }, async response => {
			add(await text_of(response));
			done();
		});
		request.on("socket", s => sockets.add(s));
		request.on("error", failed);
	});
	const either = () => new Promise((done, failed) => {
		const lookup = (name, options, found) => found(null, [
			{ address: "fd00::dead", family: 6 }, { address: host, family: 4 }]);
		const s = (dir ? tls : net).connect({ host: "either", port, lookup, autoSelectFamily: true, ...trust });
		s.on(dir ? "secureConnect" : "connect", () => {
			done(s.remoteAddress);
			s.destroy();
		});
		s.on("error", failed);
	});

	await Promise.all(Array.from({ length: 100 }, get));
	for (let i = 0; i < 10; i++)
		await get();
	for (const s of sockets)
		own.add(s.localAddress);
	console.log(JSON.stringify(counts), sockets.size, ...own);
	agent.destroy();
	if (dir) {
		await ask_two(host, port, trust);
		console.log(await ask_stranger(host, port));
	}
	console.log(await either());
}

(what === "serve" ? serve : ask)(...operands);
