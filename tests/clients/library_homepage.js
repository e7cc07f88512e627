// The requests of Homepage, through dockerode; `DOCKER_HOST` is the engine, the argument a running container.
"use strict";

const Docker = require("dockerode");

async function main(name) {
  const docker = new Docker();
  const listed = await docker.listContainers({ all: true });
  console.log("found:", listed.flatMap((each) => each.Names).find((each) => each === `/${name}`));
  const container = docker.getContainer(name);
  console.log("status:", (await container.inspect()).State.Status);
  console.log("has memory:", (await container.stats({ stream: false })).memory_stats.usage > 0);
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
