// A service of node's, and what asks it.
//
//	web.js serve PORT	answers with the peer's address, and its own
//	web.js ask HOST PORT	a hundred requests at once, ten more by the same connections, and a connection
//				to a name of which the first address answers nobody; prints what came of it
const http = require("http");
const net = require("net");
const [, , what, ...operands] = process.argv;

function serve(port) {
	const server = http.createServer((request, response) => {
		const s = request.socket;
		response.end(`${s.remoteAddress} ${s.localAddress}:${s.localPort}`);
	});
	server.listen(port, "0.0.0.0", () => console.log("ready"));
}

async function ask(host, port) {
	const agent = new http.Agent({ keepAlive: true });
	const answers = {}, own = new Set(), sockets = new Set();

	const get = () => new Promise((done, failed) => {
		const request = http.get({ host, port, agent }, response => {
			let text = "";
			response.on("data", data => text += data);
			response.on("end", () => {
				answers[text] = (answers[text] || 0) + 1;
				done();
			});
		});
		request.on("socket", s => sockets.add(s));
		request.on("error", failed);
	});
	const either = () => new Promise((done, failed) => {
		const lookup = (name, options, found) => found(null, [
			{ address: "fd00::dead", family: 6 }, { address: host, family: 4 }]);
		const s = net.connect({ host: "either", port, lookup, autoSelectFamily: true });
		s.on("connect", () => {
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
	console.log(JSON.stringify(answers), sockets.size, ...own);
	agent.destroy();
	console.log(await either());
}

(what === "serve" ? serve : ask)(...operands);
