// Containers of a test suite through Testcontainers for Node.js, and ways out of them; prints a line for each step.
// `DOCKER_HOST` and the arguments are the same as for `unprivileged_dockerode.js`.
"use strict";

const { GenericContainer, Network, Wait } = require("testcontainers");

const LOOP = ["sh", "-c", "trap 'exit 0' TERM; echo ready; while :; do sleep 0.1; done"];

const container = () =>
  new GenericContainer("busybox:latest").withCommand(LOOP).withWaitStrategy(Wait.forLogMessage("ready"));

async function main(prefix, folder) {
  const network = await new Network().start();
  const web = await container()
    .withName(`${prefix}-web`)
    .withEnvironment({ WORD: "from the environment" })
    .withNetwork(network)
    .withNetworkAliases("www")
    .withLabels({ "made-by": prefix })
    .withUser("1000:1000")
    .withWorkingDir("/tmp")
    .withDroppedCapabilities("ALL")
    .withHealthCheck({ test: ["CMD", "true"], interval: 1000, timeout: 1000, retries: 3, startPeriod: 0 })
    .withResourcesQuota({ memory: 0.125, cpu: 0.5 })
    .withSharedMemorySize(16777216)
    .withTmpFs({ "/memory": "size=1m" })
    .withUlimits({ nofile: { soft: 100, hard: 200 } })
    .withExtraHosts([{ host: "other", ipAddress: "192.0.2.1" }])
    .withHostname("inside")
    .withCopyContentToContainer([{ content: "hello\n", target: "/tmp/hello" }])
    .start();
  const script = "echo $WORD; id -u; pwd; cat /tmp/hello; grep CapEff /proc/self/status";
  report("exec", await web.exec(["sh", "-c", script]));
  report("stop", String(await web.stop()));
  await waysOut(folder);
  report("stop network", String(await network.stop()));
}

async function waysOut(folder) {
  const supervise = "grep -q supervise /proc/1/cmdline && echo reached";
  const ways = [
    ["a bind", (made) => made.withBindMounts([{ source: folder, target: "/host" }]), "cat /host/secret"],
    ["a capability", (made) => made.withAddedCapabilities("SYS_ADMIN"), "mount -t tmpfs none /tmp && echo reached"],
    ["the network of the host", (made) => made.withNetworkMode("host"), "ls /sys/class/net | grep -q docker0 && echo reached"],
  ];
  for (const [name, open, script] of ways) {
    try {
      const made = await open(container()).start();
      report(name, (await made.exec(["sh", "-c", script])).output);
      await made.stop();
    } catch (error) {
      report(name, error.json?.message ?? error.message);
    }
  }
}

function report(step, result) {
  console.log(`${step}: ${JSON.stringify(result)}`);
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
