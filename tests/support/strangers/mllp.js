// A listener of node-hl7-server (npm) that answers AA to everything; prints its port.
const { createServer } = require("net");
const { Server } = require("node-hl7-server");

const chance = createServer().listen(0, "127.0.0.1", () => {
  const { port } = chance.address();
  chance.close(() => {
    const inbound = new Server({ bindAddress: "127.0.0.1" }).createInbound({ port }, async (request, response) => {
      await response.sendResponse("AA");
    });
    inbound.on("listen", () => console.log(port));
  });
});
process.stdin.on("end", () => process.exit(0)).resume();
