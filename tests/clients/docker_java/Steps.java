import com.github.dockerjava.api.DockerClient;
import com.github.dockerjava.api.async.ResultCallback;
import com.github.dockerjava.api.model.ContainerNetwork;
import com.github.dockerjava.api.model.Frame;
import com.github.dockerjava.api.model.HostConfig;
import com.github.dockerjava.api.model.Network;
import com.github.dockerjava.api.model.StreamType;
import com.github.dockerjava.core.DefaultDockerClientConfig;
import com.github.dockerjava.core.DockerClientImpl;
import com.github.dockerjava.zerodep.ZerodepDockerHttpClient;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;

/**
 * docker-java's networks, containers, exec, logs and copies, a line of output for each step.
 *
 * <p>Arguments: the engine's address, a file, and {@code all} for what Testcontainers does not do too.
 */
public final class Steps {
    private static final String NAME = "dockgate-java";
    private static final Map<String, String> LABELS = Map.of("org.testcontainers", "true");

    private final DockerClient docker;
    private final Path file;

    private Steps(String address, Path file) {
        var config = DefaultDockerClientConfig.createDefaultConfigBuilder().withDockerHost(address).build();
        var transport = new ZerodepDockerHttpClient.Builder()
                .dockerHost(config.getDockerHost())
                .sslConfig(config.getSSLConfig())
                .connectionTimeout(Duration.ofSeconds(10))
                .build();
        this.docker = DockerClientImpl.getInstance(config, transport);
        this.file = file;
    }

    public static void main(String[] arguments) throws Exception {
        var steps = new Steps(arguments[0], Path.of(arguments[1]));
        try {
            steps.run(arguments.length > 2);
        } finally {
            steps.docker.close();
        }
    }

    private void run(boolean all) throws Exception {
        step("ping", () -> docker.pingCmd().exec());
        step("version", () -> docker.versionCmd().exec().getApiVersion());
        var network = step("create network", () -> docker.createNetworkCmd()
                .withName(NAME).withCheckDuplicate(true).withLabels(LABELS).exec().getId());
        step("create second network", () -> docker.createNetworkCmd()
                .withName(NAME + "-second").withDriver("bridge").withInternal(true).withLabels(LABELS).exec().getId());
        step("inspect network", () -> docker.inspectNetworkCmd().withNetworkId(network).exec().getName());
        step("list networks", () -> docker.listNetworksCmd().withNameFilter(NAME).exec().size());
        var container = step("create", () -> docker.createContainerCmd("busybox:latest")
                .withName(NAME)
                .withLabels(LABELS)
                .withEnv("WORD=from the environment")
                .withHostConfig(HostConfig.newHostConfig().withNetworkMode(NAME))
                .withAliases("web")
                .withCmd("sh", "-c", "echo said; echo aside >&2; touch /tmp/ready; exec sleep 60")
                .exec().getId());
        step("copy in", () -> docker.copyArchiveToContainerCmd(container)
                .withTarInputStream(archive()).withRemotePath("/tmp").exec());
        step("start", () -> docker.startContainerCmd(container).exec());
        step("inspect", () -> docker.inspectContainerCmd(container).exec().getNetworkSettings().getNetworks().keySet());
        step("connect", () -> docker.connectToNetworkCmd()
                .withNetworkId(NAME + "-second").withContainerId(container)
                .withContainerNetwork(new ContainerNetwork().withAliases("second")).exec());
        step("exec", () -> exec(container, null, "sh", "-c", "cat /tmp/hello.txt; echo $WORD; echo aside >&2; exit 3"));
        step("exec with stdin", () -> exec(container, new ByteArrayInputStream("typed\n".getBytes()), "head", "-n", "1"));
        step("logs", () -> collected(docker.logContainerCmd(container)
                .withStdOut(true).withStdErr(true).exec(new Collector())));
        if (all) {
            more(container);
        }
        step("kill", () -> docker.killContainerCmd(container).exec());
        step("remove", () -> docker.removeContainerCmd(container).withForce(true).withRemoveVolumes(true).exec());
        step("remove again", () -> docker.removeContainerCmd(container).exec());
        step("remove network", () -> docker.removeNetworkCmd(network).exec());
        step("remove second network", () -> docker.removeNetworkCmd(NAME + "-second").exec());
    }

    private void more(String container) throws Exception {
        step("copy in, compressed", () -> docker.copyArchiveToContainerCmd(container)
                .withHostResource(file.toString()).withRemotePath("/root").exec());
        step("copy out", () -> {
            try (var content = docker.copyArchiveFromContainerCmd(container, "/root/hello.txt").exec()) {
                return content.readAllBytes().length;
            }
        });
        step("disconnect", () -> docker.disconnectFromNetworkCmd()
                .withNetworkId(NAME + "-second").withContainerId(container).withForce(true).exec());
        step("stop", () -> docker.stopContainerCmd(container).withTimeout(1).exec());
        step("start again", () -> docker.startContainerCmd(container).exec());
        step("rename", () -> docker.renameContainerCmd(container).withName(NAME + "-renamed").exec());
        step("commit", () -> docker.commitCmd(container).withRepository(NAME).withTag("commit").exec());
        step("remove image", () -> docker.removeImageCmd(NAME + ":commit").exec());
        step("create network with addresses", () -> docker.createNetworkCmd().withName(NAME + "-addresses")
                .withIpam(new Network.Ipam().withConfig(new Network.Ipam.Config().withSubnet("10.99.0.0/24")))
                .exec().getId());
        step("remove network with addresses", () -> docker.removeNetworkCmd(NAME + "-addresses").exec());
        step("create volume", () -> docker.createVolumeCmd().withName(NAME).withLabels(LABELS).exec().getName());
        step("remove volume", () -> docker.removeVolumeCmd(NAME).exec());
    }

    /** As Testcontainers makes it. */
    private InputStream archive() throws Exception {
        var content = new ByteArrayOutputStream();
        try (var archive = new TarArchiveOutputStream(content)) {
            archive.putArchiveEntry(new TarArchiveEntry(file, "hello.txt"));
            Files.copy(file, archive);
            archive.closeArchiveEntry();
        }
        return new ByteArrayInputStream(content.toByteArray());
    }

    private Object exec(String container, InputStream stdin, String... words) throws Exception {
        var id = docker.execCreateCmd(container).withCmd(words)
                .withAttachStdout(true).withAttachStderr(true).withAttachStdin(stdin != null).exec().getId();
        var start = docker.execStartCmd(id);
        if (stdin != null) {
            start.withStdIn(stdin);
        }
        var printed = collected(start.exec(new Collector()));
        return List.of(printed, docker.inspectExecCmd(id).exec().getExitCodeLong());
    }

    private static String collected(Collector collector) throws Exception {
        collector.awaitCompletion(20, TimeUnit.SECONDS);
        return collector.stdout + "|" + collector.stderr;
    }

    /** What a container prints, its two streams apart. */
    private static final class Collector extends ResultCallback.Adapter<Frame> {
        private final StringBuffer stdout = new StringBuffer();
        private final StringBuffer stderr = new StringBuffer();

        @Override
        public void onNext(Frame frame) {
            var stream = frame.getStreamType() == StreamType.STDERR ? stderr : stdout;
            stream.append(new String(frame.getPayload()));
        }
    }

    private static <T> T step(String name, Callable<T> call) {
        try {
            var result = call.call();
            System.out.println(name + ": " + String.valueOf(result).replace("\n", "\\n"));
            return result;
        } catch (Exception failure) {
            System.out.println(name + ": failed: " + String.valueOf(failure.getMessage()).replace("\n", "\\n"));
            return null;
        }
    }
}
