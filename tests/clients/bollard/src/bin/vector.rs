//! The requests of Vector's `docker_logs`, through bollard; `DOCKER_HOST` is the engine, the argument a running
//! container.

use std::collections::HashMap;
use std::error::Error;

use bollard::Docker;
use bollard::query_parameters::{
    EventsOptionsBuilder, InspectContainerOptions, ListContainersOptionsBuilder, LogsOptionsBuilder,
};
use futures_util::StreamExt;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let name = std::env::args().nth(1).ok_or("usage: vector CONTAINER")?;
    let docker = Docker::connect_with_http_defaults()?;

    let all = ListContainersOptionsBuilder::default().all(true).build();
    let listed = docker.list_containers(Some(all)).await?;
    let names = listed.into_iter().filter_map(|each| each.names).flatten();
    for found in names.filter(|found| found.trim_start_matches('/') == name) {
        println!("found: {found}");
    }

    let inspected = docker
        .inspect_container(&name, None::<InspectContainerOptions>)
        .await?;
    let has_terminal = inspected.config.and_then(|config| config.tty);
    println!("has a terminal: {}", has_terminal.unwrap_or_default());

    let follow = LogsOptionsBuilder::default()
        .follow(true)
        .stdout(true)
        .stderr(true)
        .build();
    let mut lines = docker.logs(&name, Some(follow));
    let line = lines.next().await.ok_or("the log ended")??;
    println!("log: {}", line.to_string().trim());

    let of_it = HashMap::from([
        ("container", vec![name.as_str()]),
        ("event", vec!["create"]),
    ]);
    let since_ever = EventsOptionsBuilder::default()
        .since("0")
        .filters(&of_it)
        .build();
    let mut events = docker.events(Some(since_ever));
    let event = events.next().await.ok_or("the events ended")??;
    println!("event: {}", event.action.unwrap_or_default());
    Ok(())
}
