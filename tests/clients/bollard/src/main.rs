//! The life of a container through bollard, with a line of output for each step.
//!
//! The same steps as in the other clients of this folder. `DOCKER_HOST` is the engine; the two
//! arguments are a tar archive that contains `hello.txt`, and a name prefix for everything that is
//! created.

use std::collections::HashMap;
use std::error::Error;
use std::fmt::Debug;

use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bollard::models::{ContainerConfig, ContainerCreateBody, HostConfig, NetworkCreateRequest};
use bollard::query_parameters::{
    CommitContainerOptionsBuilder, CreateContainerOptionsBuilder, CreateImageOptionsBuilder,
    ImportImageOptions, KillContainerOptionsBuilder, PruneContainersOptionsBuilder,
    PruneNetworksOptionsBuilder, RemoveContainerOptionsBuilder, RemoveImageOptions,
    RenameContainerOptionsBuilder, ResizeContainerTTYOptionsBuilder,
    RestartContainerOptionsBuilder, StopContainerOptionsBuilder, TagImageOptionsBuilder,
    UploadToContainerOptionsBuilder, WaitContainerOptions,
};
use bollard::{Docker, body_full};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use tokio::io::AsyncWriteExt;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Without traps, the first process of a container ignores signals, so it reports when they are
/// set.
const LIFE: &str =
    "trap 'exit 7' USR1; trap 'exit 0' TERM; echo >> /tmp/starts; while :; do sleep 0.1; done";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(archive), Some(prefix)) = (arguments.next(), arguments.next()) else {
        return Err("usage: bollard-client ARCHIVE PREFIX".into());
    };
    let archive = Bytes::from(std::fs::read(archive)?);
    let docker = Docker::connect_with_http_defaults()?
        .negotiate_version()
        .await?;
    let names = Names::under(&prefix);

    print("ping", docker.ping().await?);
    create(&docker, &names).await?;
    run(&docker, &names, archive.clone()).await?;
    images(&docker, &names, archive).await?;
    remove(&docker, &names).await
}

/// The names of the objects that the steps create.
struct Names {
    label: String,
    network: String,
    first: String,
    renamed: String,
    image: String,
}

impl Names {
    fn under(prefix: &str) -> Self {
        Self {
            label: format!("made-by={prefix}"),
            network: format!("{prefix}-net"),
            first: format!("{prefix}-web"),
            renamed: format!("{prefix}-renamed"),
            image: format!("{prefix}-image"),
        }
    }

    fn labels(&self) -> HashMap<String, String> {
        let (key, value) = self.label.split_once('=').unwrap_or_default();
        HashMap::from([(key.to_owned(), value.to_owned())])
    }

    fn filters(&self) -> HashMap<String, Vec<String>> {
        HashMap::from([("label".to_owned(), vec![self.label.clone()])])
    }
}

fn print(step: &str, result: impl Debug) {
    println!("{step}: {result:?}");
}

async fn create(docker: &Docker, names: &Names) -> Outcome<()> {
    let network = NetworkCreateRequest {
        name: names.network.clone(),
        labels: Some(names.labels()),
        ..Default::default()
    };
    print("create network", docker.create_network(network).await?);
    let body = ContainerCreateBody {
        image: Some("busybox:latest".to_owned()),
        cmd: Some(vec!["sh".to_owned(), "-c".to_owned(), LIFE.to_owned()]),
        env: Some(vec!["WORD=from the environment".to_owned()]),
        labels: Some(names.labels()),
        tty: Some(true),
        host_config: Some(HostConfig {
            network_mode: Some(names.network.clone()),
            ..Default::default()
        }),
        ..Default::default()
    };
    let options = CreateContainerOptionsBuilder::default()
        .name(&names.first)
        .build();
    print(
        "create",
        docker.create_container(Some(options), body).await?,
    );
    docker.start_container(&names.first, None).await?;
    print("start", ());
    Ok(())
}

async fn run(docker: &Docker, names: &Names, archive: Bytes) -> Outcome<()> {
    let web = names.first.as_str();
    wait_for_start(docker, web, 1).await?;
    print(
        "exec",
        exec(
            docker,
            web,
            &["sh", "-c", "echo $WORD; echo aside >&2"],
            None,
        )
        .await?,
    );
    print(
        "exec with stdin",
        exec(docker, web, &["cat"], Some(b"typed\n")).await?,
    );
    let created = docker
        .create_exec(
            web,
            CreateExecOptions {
                cmd: Some(vec!["sleep", "60"]),
                ..Default::default()
            },
        )
        .await?;
    let detached = StartExecOptions {
        detach: true,
        ..Default::default()
    };
    print(
        "exec detached",
        docker.start_exec(&created.id, Some(detached)).await?,
    );
    let size = ResizeContainerTTYOptionsBuilder::default()
        .h(30)
        .w(100)
        .build();
    print("resize", docker.resize_container_tty(web, size).await?);
    let place = UploadToContainerOptionsBuilder::default()
        .path("/tmp")
        .build();
    print(
        "put archive",
        docker
            .upload_to_container(web, Some(place), body_full(archive))
            .await?,
    );
    print(
        "exec after put",
        exec(docker, web, &["cat", "/tmp/hello.txt"], None).await?,
    );

    let name = RenameContainerOptionsBuilder::default()
        .name(&names.renamed)
        .build();
    print("rename", docker.rename_container(web, name).await?);
    let web = names.renamed.as_str();
    let restart = RestartContainerOptionsBuilder::default().t(1).build();
    print(
        "restart",
        docker.restart_container(web, Some(restart)).await?,
    );
    wait_for_start(docker, web, 2).await?;
    let stop = StopContainerOptionsBuilder::default().t(1).build();
    print("stop", docker.stop_container(web, Some(stop)).await?);
    print("stop again", docker.stop_container(web, None).await);
    docker.start_container(web, None).await?;
    wait_for_start(docker, web, 3).await?;
    let waiting = docker.wait_container(web, None::<WaitContainerOptions>);
    let kill = KillContainerOptionsBuilder::default()
        .signal("SIGUSR1")
        .build();
    print("kill", docker.kill_container(web, Some(kill)).await?);
    // bollard turns an exit code other than 0 into an error.
    print("wait", waiting.try_collect::<Vec<_>>().await);
    Ok(())
}

async fn wait_for_start(docker: &Docker, name: &str, number: u32) -> Outcome<()> {
    let script = format!("until [ $(wc -l < /tmp/starts) = {number} ]; do sleep 0.1; done");
    exec(docker, name, &["sh", "-c", &script], None)
        .await
        .map(drop)
}

async fn exec(
    docker: &Docker,
    name: &str,
    command: &[&str],
    typed: Option<&[u8]>,
) -> Outcome<(String, Option<i64>)> {
    let options = CreateExecOptions {
        cmd: Some(command.to_vec()),
        attach_stdin: Some(typed.is_some()),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        ..Default::default()
    };
    let created = docker.create_exec(name, options).await?;
    let StartExecResults::Attached { output, mut input } =
        docker.start_exec(&created.id, None).await?
    else {
        return Err("the exec is detached".into());
    };
    if let Some(typed) = typed {
        input.write_all(typed).await?;
        input.shutdown().await?;
    }
    let parts: Vec<LogOutput> = output.try_collect().await?;
    let (aside, text): (Vec<_>, Vec<_>) = parts
        .iter()
        .partition(|part| matches!(part, LogOutput::StdErr { .. }));
    let text: String = text
        .into_iter()
        .chain(aside)
        .map(ToString::to_string)
        .collect();
    Ok((text, docker.inspect_exec(&created.id).await?.exit_code))
}

async fn images(docker: &Docker, names: &Names, archive: Bytes) -> Outcome<()> {
    let commit = CommitContainerOptionsBuilder::default()
        .container(&names.renamed)
        .repo(&names.image)
        .tag("commit");
    print(
        "commit",
        docker
            .commit_container(commit.build(), ContainerConfig::default())
            .await?,
    );
    let tag = TagImageOptionsBuilder::default()
        .repo(&names.image)
        .tag("tagged")
        .build();
    print(
        "tag",
        docker
            .tag_image(&format!("{}:commit", names.image), Some(tag))
            .await?,
    );
    let import = CreateImageOptionsBuilder::default()
        .from_src("-")
        .repo(&names.image)
        .tag("import")
        .build();
    print(
        "import",
        docker
            .create_image(Some(import), Some(body_full(archive)), None)
            .count()
            .await,
    );
    let saved: Vec<Bytes> = docker
        .export_image(&format!("{}:import", names.image))
        .try_collect()
        .await?;
    let load = docker.import_image(
        ImportImageOptions::default(),
        body_full(saved.concat().into()),
        None,
    );
    print(
        "load",
        load.try_collect::<Vec<_>>()
            .await?
            .last()
            .map(|line| line.stream.clone()),
    );
    // The same upload through another function is chunked, with the type `application/json`.
    let parts = futures_util::stream::iter(saved.into_iter().map(Ok::<_, std::io::Error>));
    let load = docker.import_image_stream(ImportImageOptions::default(), parts, None);
    print(
        "load stream",
        load.try_collect::<Vec<_>>()
            .await?
            .last()
            .map(|line| line.stream.clone()),
    );
    Ok(())
}

async fn remove(docker: &Docker, names: &Names) -> Outcome<()> {
    let filters = names.filters();
    let other = CreateContainerOptionsBuilder::default()
        .name(&names.first)
        .build();
    let body = ContainerCreateBody {
        image: Some("busybox:latest".to_owned()),
        labels: Some(names.labels()),
        ..Default::default()
    };
    docker.create_container(Some(other), body).await?;
    let options = RemoveContainerOptionsBuilder::default()
        .force(true)
        .v(true)
        .build();
    print(
        "remove",
        docker
            .remove_container(&names.renamed, Some(options))
            .await?,
    );
    let prune = PruneContainersOptionsBuilder::default()
        .filters(&filters)
        .build();
    let pruned = docker.prune_containers(Some(prune)).await?;
    print(
        "prune containers",
        pruned.containers_deleted.map(|deleted| deleted.len()),
    );
    let prune = PruneNetworksOptionsBuilder::default()
        .filters(&filters)
        .build();
    print("prune networks", docker.prune_networks(Some(prune)).await?);
    for tag in ["tagged", "commit", "import"] {
        let removed = docker
            .remove_image(
                &format!("{}:{tag}", names.image),
                None::<RemoveImageOptions>,
                None,
            )
            .await?;
        print("remove image", removed.len());
    }
    print(
        "remove what is gone",
        docker.remove_container(&names.renamed, None).await,
    );
    Ok(())
}
