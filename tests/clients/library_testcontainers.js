// The container of a test suite through Testcontainers for Node.js; `DOCKER_HOST` is the engine, the argument the
// container.
"use strict";

const { GenericContainer, Network, Wait } = require("testcontainers");

const LOOP = ["sh", "-c", "trap 'exit 0' TERM; echo ready; while :; do sleep 0.1; done"];

async function main(name) {
  const network = await new Network().start();
  const web = await new GenericContainer("busybox:latest")
    .withCommand(LOOP)
    .withName(name)
    .withEnvironment({ WORD: "first" })
    .withNetwork(network)
    .withCopyContentToContainer([{ content: "hello from the archive\n", target: "/tmp/hello.txt" }])
    .withWaitStrategy(Wait.forLogMessage("ready"))
    .start();
  const word = await web.exec(["sh", "-c", "echo $WORD"]);
  console.log("exec:", word.exitCode, word.output.trim());
  const file = await web.exec(["cat", "/tmp/hello.txt"]);
  console.log("file:", file.output.trim());
  await web.stop();
  await network.stop();
  console.log("gone");
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
