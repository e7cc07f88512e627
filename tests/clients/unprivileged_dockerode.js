// Containers of a test suite through dockerode, and ways out of them; prints a line for each step.
//
// `DOCKER_HOST` is the engine; arguments: a name prefix for everything that is created, a folder of the host with the
// file `secret`, and the name of a container that someone else has created.
"use strict";

const { PassThrough } = require("node:stream");
const Docker = require("dockerode");

const LOOP = ["sh", "-c", "trap 'exit 0' TERM; echo ready; while :; do sleep 0.1; done"];
const BASE = { Image: "busybox:latest" };

async function main(prefix, folder, other) {
  const address = new URL(process.env.DOCKER_HOST);
  const docker = new Docker({ protocol: "http", host: address.hostname, port: address.port });
  const network = await docker.createNetwork({ Name: `${prefix}-net`, Labels: { "made-by": prefix } });
  const web = await docker.createContainer({
    ...BASE,
    name: `${prefix}-web`,
    Cmd: LOOP,
    Env: ["WORD=from the environment"],
    ExposedPorts: { "80/tcp": {} },
    Healthcheck: { Test: ["CMD", "true"], Interval: 1000000000 },
    Hostname: "inside",
    Labels: { "made-by": prefix },
    StopSignal: "SIGTERM",
    User: "1000:1000",
    Volumes: { "/anonymous": {} },
    WorkingDir: "/tmp",
    HostConfig: {
      Binds: [`${prefix}-volume:/data`],
      CapDrop: ["ALL"],
      Dns: ["192.0.2.53"],
      ExtraHosts: ["other:192.0.2.1"],
      Init: true,
      LogConfig: { Type: "json-file", Config: { "max-size": "1m" } },
      Memory: 67108864,
      NanoCpus: 500000000,
      NetworkMode: `${prefix}-net`,
      PidsLimit: 64,
      PortBindings: { "80/tcp": [{ HostPort: "0" }] },
      ReadonlyRootfs: true,
      RestartPolicy: { Name: "on-failure", MaximumRetryCount: 1 },
      SecurityOpt: ["no-new-privileges"],
      ShmSize: 16777216,
      Tmpfs: { "/tmp": "size=1m" },
      Ulimits: [{ Name: "nofile", Soft: 100, Hard: 100 }],
    },
    NetworkingConfig: { EndpointsConfig: { [`${prefix}-net`]: { Aliases: ["www"] } } },
  });
  await web.start();
  report("started", (await web.inspect()).State.Running);
  const script = "echo $WORD; id -u; pwd; hostname; ulimit -n; grep CapEff /proc/self/status";
  report("exec", await exec(docker, web, ["sh", "-c", script]));
  report("stop", String(await web.stop({ t: 1 })));
  await waysOut(docker, folder, other);
  report("remove", String(await web.remove({ force: true, v: true })));
  report("remove network", String(await network.remove()));
}

async function waysOut(docker, folder, other) {
  const bound = { Type: "bind", Source: folder, Target: "/host" };
  const read = "cat /host/secret";
  const ways = [
    ["a bind", { Binds: [`${folder}:/host:ro`] }, read],
    ["a mount", { Mounts: [bound] }, read],
    ["a capability", { CapAdd: ["SYS_ADMIN"] }, "mount -t tmpfs none /tmp && echo reached"],
    ["the pids of the host", { PidMode: "host" }, "grep -q supervise /proc/1/cmdline && echo reached"],
    ["the network of the host", { NetworkMode: "host" }, "ls /sys/class/net | grep -q docker0 && echo reached"],
    ["another's volumes", { VolumesFrom: [other] }, read],
  ];
  for (const [name, HostConfig, script] of ways) {
    await attempt(name, async () => {
      const made = await docker.createContainer({ ...BASE, Cmd: ["sh", "-c", script], HostConfig });
      await made.start();
      await made.wait();
      const said = String(await made.logs({ stdout: true, stderr: true }));
      await made.remove({ force: true });
      return said;
    });
  }
  await attempt("an exec elsewhere", () => exec(docker, docker.getContainer(other), ["cat", "/host/secret"]));
}

async function exec(docker, container, command) {
  const created = await container.exec({ Cmd: command, AttachStdout: true, AttachStderr: true });
  const stream = await created.start({ hijack: true, stdin: false });
  const [out, err] = [new PassThrough(), new PassThrough()];
  docker.modem.demuxStream(stream, out, err);
  stream.on("end", () => [out, err].forEach((part) => part.end()));
  return [...(await Promise.all([text(out), text(err)])), (await created.inspect()).ExitCode];
}

async function text(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return String(Buffer.concat(parts));
}

async function attempt(name, way) {
  try {
    report(name, await way());
  } catch (error) {
    report(name, error.json?.message ?? error.message);
  }
}

function report(step, result) {
  console.log(`${step}: ${JSON.stringify(result)}`);
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
