//! `outlast doctor`: what there is to say about every server of the cluster.

use std::{process::ExitCode, time::Duration};

use console::style;
use futures_util::future::join_all;
use outlast_core::{
    Error, Server,
    check_up::{Check, Wanted},
    topology::{Finding, Severity},
};
use serde_json::{Value, json};

use crate::{
    cli::{DoctorOptions, Format},
    cluster::Cluster,
    exit::{COMPLETE, Failure, REFUSED, add_causes},
};

/// Limit for what one backend asks of one server.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) async fn doctor(cluster: &Cluster, options: DoctorOptions) -> Result<ExitCode, Failure> {
    let wanted = Wanted {
        schema: cluster.database.clone(),
        expected: Duration::from_millis(options.expect),
    };
    let (servers, mut checks) = cluster.topology.check_up(&wanted).await?;
    let needs = join_all(servers.iter().map(|server| needs_of(cluster, server, &wanted))).await;
    checks.extend(needs.into_iter().flatten());
    match options.format {
        Format::Json => println!("{}", as_json(&servers, &checks)),
        Format::Text => {
            print!("{}", as_text(&checks));
            eprintln!("{}", summary(servers.len(), &checks));
        }
    }
    let refused = match worst(&checks) {
        Some(Severity::Refusal) => true,
        Some(Severity::Warning) => options.strict,
        None => false,
    };
    Ok(ExitCode::from(if refused { REFUSED } else { COMPLETE }))
}

/// What the backends need of a server.
async fn needs_of(cluster: &Cluster, server: &Server, wanted: &Wanted) -> Vec<Check> {
    let (scheduler, checkpoints, stream) = tokio::join!(
        within_patience(cluster.scheduler.check_up(server)),
        within_patience(cluster.checkpoints.check_up(server)),
        within_patience(cluster.stream.check_up(server, wanted))
    );
    let all = [
        ("own tables", scheduler),
        ("own tables", checkpoints),
        ("privileges", stream),
    ];
    all.into_iter()
        .flat_map(|(subject, found)| {
            found.unwrap_or_else(|finding| vec![Check::of(&server.address, subject, Err(finding))])
        })
        .collect()
}

async fn within_patience(asking: impl Future<Output = Result<Vec<Check>, Error>>) -> Result<Vec<Check>, Finding> {
    let why = match tokio::time::timeout(PATIENCE, asking).await {
        Ok(Ok(found)) => return Ok(found),
        Ok(Err(error)) => {
            let mut why = error.to_string();
            add_causes(&mut why, &error);
            why
        }
        Err(_) => format!("no answer within {PATIENCE:?}"),
    };
    Err(Finding::refusal(format!("it could not be checked: {why}")))
}

/// The worst that was found; `None` if all is well.
fn worst(checks: &[Check]) -> Option<Severity> {
    checks.iter().filter_map(Check::severity).max()
}

fn light(severity: Option<Severity>) -> &'static str {
    match severity {
        None => "green",
        Some(Severity::Warning) => "yellow",
        Some(Severity::Refusal) => "red",
    }
}

fn as_json(servers: &[Server], checks: &[Check]) -> Value {
    let all: Vec<Value> = checks
        .iter()
        .map(|check| {
            json!({
                "server": check.server,
                "subject": check.subject,
                "light": light(check.severity()),
                "message": said(check),
            })
        })
        .collect();
    let reached: Vec<&str> = servers.iter().map(|server| server.address.as_str()).collect();
    json!({ "light": light(worst(checks)), "servers": reached, "checks": all })
}

fn said(check: &Check) -> &str {
    match &check.outcome {
        Ok(state) => state,
        Err(finding) => &finding.message,
    }
}

/// Server by server, in the order in which they come first; the cluster before them.
fn as_text(checks: &[Check]) -> String {
    let mut servers: Vec<&str> = vec![""];
    for check in checks {
        if !servers.contains(&check.server.as_str()) {
            servers.push(&check.server);
        }
    }
    let width = checks.iter().map(|check| check.subject.len()).max().unwrap_or(0);
    let mut text = String::new();
    for server in servers {
        let heading = if server.is_empty() { "The cluster" } else { server };
        text.push_str(&format!("{}\n", style(heading).bold()));
        for check in checks.iter().filter(|check| check.server == server) {
            let light = match check.severity() {
                None => style("green ").green(),
                Some(Severity::Warning) => style("yellow").yellow(),
                Some(Severity::Refusal) => style("red   ").red().bold(),
            };
            text.push_str(&format!("  {light}  {:<width$}  {}\n", check.subject, said(check)));
        }
    }
    text
}

fn summary(servers: usize, checks: &[Check]) -> String {
    let count = |severity| checks.iter().filter(|check| check.severity() == Some(severity)).count();
    let (red, yellow) = (count(Severity::Refusal), count(Severity::Warning));
    let looked = match servers {
        1 => "1 server".to_owned(),
        n => format!("{n} servers"),
    };
    let verdict = match (red, yellow) {
        (0, 0) => "all is well".to_owned(),
        (0, yellow) => {
            format!("{yellow} yellow: migrations run, and what is said there may cost something at a failover")
        }
        (red, yellow) => format!("{red} red, {yellow} yellow: mend what is red before a migration has to rely on it"),
    };
    format!("outlast: {looked}, {} checks; {verdict}.", checks.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks() -> Vec<Check> {
        vec![
            Check::of("", "primary", Ok("a:1".to_owned())),
            Check::of("a:1", "clock", Ok("the same time as here".to_owned())),
            Check::of("a:1", "durability", Err(Finding::warning("lax"))),
            Check::of("b:1", "clock", Ok("the same time as here".to_owned())),
        ]
    }

    #[test]
    fn the_worst_of_all_counts() {
        let mut all = checks();
        assert_eq!(worst(&all[..2]), None);
        assert_eq!(worst(&all), Some(Severity::Warning));
        all.push(Check::of("b:1", "replication", Err(Finding::refusal("broken"))));
        assert_eq!(light(worst(&all)), "red");
        assert!(summary(2, &all).contains("1 red, 1 yellow"));
    }

    #[test]
    fn what_is_said_is_grouped_by_server() {
        let text = console::strip_ansi_codes(&as_text(&checks())).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "The cluster");
        assert_eq!((lines[2], lines[5]), ("a:1", "b:1"), "{text}");
        assert!(lines[4].contains("yellow  durability  lax"), "{text}");
    }
}
