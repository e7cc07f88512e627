// The life of a container through dockerode, with a line of output for each step.
//
// `DOCKER_HOST` is the engine; arguments: a tar archive that contains `hello.txt`, and a name prefix for everything
// that is created.
"use strict";

const fs = require("node:fs");
const { once } = require("node:events");
const { PassThrough } = require("node:stream");
const Docker = require("dockerode");

// Without traps, the first process of a container ignores signals, so it reports when they are set.
const LIFE = "trap 'exit 7' USR1; trap 'exit 0' TERM; echo >> /tmp/starts; while :; do sleep 0.1; done";
const started = (number) => ["sh", "-c", `until [ $(wc -l < /tmp/starts) = ${number} ]; do sleep 0.1; done`];

async function main(archivePath, prefix) {
  const archive = fs.readFileSync(archivePath);
  const address = new URL(process.env.DOCKER_HOST);
  const docker = new Docker({ protocol: "http", host: address.hostname, port: address.port });
  const labels = { "made-by": prefix };
  const filters = { label: [`made-by=${prefix}`] };

  report("ping", String(await docker.ping()));
  await docker.createNetwork({ Name: `${prefix}-net`, Labels: labels });
  let web = await docker.createContainer({
    name: `${prefix}-web`,
    Image: "busybox:latest",
    Cmd: ["sh", "-c", LIFE],
    Env: ["WORD=from the environment"],
    Labels: labels,
    Tty: true,
    HostConfig: { NetworkMode: `${prefix}-net` },
  });
  report("start", String(await web.start()));
  await run(docker, web, prefix, archive);
  await images(docker, web, prefix, archive);

  await docker.createContainer({ name: `${prefix}-web`, Image: "busybox:latest", Labels: labels });
  report("remove", String(await web.remove({ force: true, v: true })));
  report("prune containers", (await docker.pruneContainers({ filters })).ContainersDeleted.length);
  report("prune networks", await docker.pruneNetworks({ filters }));
  for (const tag of ["tagged", "commit", "import"]) {
    report("remove image", (await docker.getImage(`${prefix}-image:${tag}`).remove()).length);
  }
  report("remove what is gone", await failure(() => web.remove()));
}

async function run(docker, web, prefix, archive) {
  const plain = { hijack: false, stdin: false };
  await exec(docker, web, started(1), plain);
  const script = ["sh", "-c", "echo $WORD; echo aside >&2"];
  report("exec", await exec(docker, web, script, plain));
  report("exec, hijacked", await exec(docker, web, script, { hijack: true, stdin: false }));
  report("exec with stdin, hijacked", await exec(docker, web, ["cat"], { hijack: true, stdin: true }, "typed\n"));
  const detached = await web.exec({ Cmd: ["sleep", "60"] });
  report("exec detached", (await text(await detached.start({ Detach: true, Tty: false }))).toString());
  report("resize", String(await web.resize({ h: 30, w: 100 })));
  report("attach", await attach(web, { hijack: false }));
  report("attach, hijacked", await attach(web, { hijack: true }));
  report("put archive", (await text(await web.putArchive(archive, { path: "/tmp" }))).toString());
  report("exec after put", await exec(docker, web, ["cat", "/tmp/hello.txt"], plain));
  report("rename", String(await web.rename({ name: `${prefix}-renamed` })));
  report("restart", String(await web.restart({ t: 1 })));
  await exec(docker, web, started(2), plain);
  report("stop", String(await web.stop({ t: 1 })));
  report("stop again", await failure(() => web.stop()));
  await web.start();
  await exec(docker, web, started(3), plain);
  report("kill", String(await web.kill({ signal: "SIGUSR1" })));
  report("wait", await web.wait({ condition: "not-running" }));
}

// Output and exit code of a command. `typed` goes to its stdin, which then ends.
async function exec(docker, web, command, { hijack, stdin }, typed) {
  const created = await web.exec({ Cmd: command, AttachStdout: true, AttachStderr: true, AttachStdin: stdin });
  const stream = await created.start({ hijack, stdin });
  const [out, err] = [new PassThrough(), new PassThrough()];
  docker.modem.demuxStream(stream, out, err);
  if (stdin) stream.end(typed);
  stream.on("end", () => [out, err].forEach((part) => part.end()));
  const parts = await Promise.all([text(out), text(err)]);
  return [...parts.map(String), (await created.inspect()).ExitCode];
}

// Attaches to a container that prints nothing, and detaches again.
async function attach(web, { hijack }) {
  const stream = await web.attach({ stream: true, stdout: true, stderr: true, hijack });
  const closed = once(stream, "close");
  stream.destroy();
  await closed;
  return "let go";
}

async function images(docker, web, prefix, archive) {
  const repo = `${prefix}-image`;
  await web.commit({ repo, tag: "commit" });
  report("tag", (await docker.getImage(`${repo}:commit`).tag({ repo, tag: "tagged" })).toString());
  const imported = await docker.importImage(fs.createReadStream(process.argv[2]), { repo, tag: "import" });
  report("import", (await text(imported)).includes("sha256:"));
  const saved = await text(await docker.getImage(`${repo}:import`).get());
  report("load", (await text(await docker.loadImage(saved))).toString());
}

async function text(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

async function failure(call) {
  try {
    return `no error: ${await call()}`;
  } catch (error) {
    return `${error.statusCode}: ${error.json?.message ?? error.message}`;
  }
}

function report(step, result) {
  console.log(`${step}: ${JSON.stringify(result)}`);
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
