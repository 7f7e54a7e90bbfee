//! `outlast list`, `status` and `events`.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
};

use outlast_core::Migration;
use serde_json::{Value, json};

use crate::{
    cli::Format,
    cluster::{Cluster, Found},
    display::{age, count, in_words, progress_of, table},
    exit::{COMPLETE, Failure},
};

/// A migration's own tables, as far as they exist.
#[derive(Default)]
pub(crate) struct OwnTables {
    pub(crate) shadow: Option<String>,
    pub(crate) retired: Option<String>,
}

impl OwnTables {
    /// Those of the migration, among all that its server has.
    pub(crate) fn of(migration: &Migration, all: &BTreeSet<(String, String)>) -> Self {
        // The server may write names in small letters.
        let has = |schema: &str, (s, t): &(String, String)| {
            s.eq_ignore_ascii_case(schema) && t.eq_ignore_ascii_case(&migration.table)
        };
        let find = |schema: String| {
            let exists = all.iter().any(|table| has(&schema, table));
            exists.then(|| format!("{schema}.{}", migration.table))
        };
        Self {
            shadow: find(migration.shadow_schema()),
            retired: find(migration.retired_schema()),
        }
    }
}

/// One migration as an object.
pub(crate) fn as_json(migration: &Migration, situation: &str, own: &OwnTables) -> Value {
    let owner = migration
        .owner
        .as_ref()
        .map(|owner| json!({ "agent": owner.agent, "incarnation": owner.incarnation, "server_uuid": owner.server }));
    json!({
        "id": migration.id,
        "statement": migration.statement,
        "schema": migration.schema,
        "table": migration.table,
        "status": migration.status,
        "phase": migration.phase,
        "path": migration.path,
        "ready_to_complete": migration.phase == outlast_core::Phase::Ready && !migration.status.is_final(),
        "rows_copied": migration.rows_copied,
        "table_rows": migration.table_rows,
        "progress": progress_of(migration),
        "eta_seconds": migration.eta_seconds,
        "owner": owner,
        "epoch": migration.epoch,
        "failovers": migration.failovers,
        "retries": migration.retries,
        "liveness_age_seconds": migration.liveness_age.as_secs_f64(),
        "message": migration.message,
        "cluster": situation,
        "shadow_table": own.shadow,
        "retired_table": own.retired,
        "submitted_at": migration.submitted_at,
        "ended_at": migration.ended_at,
    })
}

pub(crate) async fn list(cluster: &Cluster, format: Format) -> Result<ExitCode, Failure> {
    let (migrations, situation) = cluster.migrations().await?;
    if format == Format::Json {
        let mut tables: BTreeMap<&str, BTreeSet<(String, String)>> = BTreeMap::new();
        let mut all: Vec<Value> = Vec::new();
        for Found { migration, server, .. } in &migrations {
            if !tables.contains_key(server.address.as_str()) {
                tables.insert(&server.address, cluster.stream.own_tables(server).await?);
            }
            let own = OwnTables::of(migration, &tables[server.address.as_str()]);
            all.push(as_json(migration, &situation, &own));
        }
        println!("{}", Value::from(all));
        return Ok(ExitCode::from(COMPLETE));
    }
    if !situation.is_empty() {
        eprintln!("outlast: {situation}");
    }
    let mut rows = vec![["ID", "STATUS", "PHASE", "PROGRESS", "FAILOVERS", "TABLE"].map(str::to_owned)];
    for Found { migration: m, .. } in &migrations {
        let phase = if m.status.is_final() { "" } else { m.phase.name() };
        rows.push([
            m.id.to_string(),
            m.status.to_string(),
            phase.to_owned(),
            format!("{:.1} %", progress_of(m) * 100.0),
            m.failovers.to_string(),
            format!("{}.{}", m.schema, m.table),
        ]);
    }
    print!("{}", table(&rows));
    Ok(ExitCode::from(COMPLETE))
}

pub(crate) async fn status(cluster: &Cluster, id: &str, format: Format) -> Result<ExitCode, Failure> {
    let Found {
        migration: m,
        situation,
        server,
    } = cluster.find(id).await?;
    let own = OwnTables::of(&m, &cluster.stream.own_tables(&server).await?);
    if format == Format::Json {
        println!("{}", as_json(&m, &situation, &own));
        return Ok(ExitCode::from(COMPLETE));
    }
    let owner = match &m.owner {
        Some(owner) => format!("agent {} on server {}", owner.agent, owner.server),
        None => "nobody yet".to_owned(),
    };
    let eta = m
        .eta_seconds
        .map_or("unknown".to_owned(), |s| age(std::time::Duration::from_secs(s)));
    let mut rows = vec![
        ["migration".to_owned(), m.id.to_string()],
        ["statement".to_owned(), m.statement.clone()],
        ["status".to_owned(), m.status.to_string()],
        ["phase".to_owned(), m.phase.to_string()],
        [
            "path".to_owned(),
            m.path.map_or(String::new(), |p| in_words(p).to_owned()),
        ],
        [
            "rows".to_owned(),
            format!(
                "{} of about {}",
                count(m.rows_copied),
                count(m.table_rows.max(m.rows_copied))
            ),
        ],
        ["time left".to_owned(), eta],
        ["owner".to_owned(), owner],
        [
            "epoch".to_owned(),
            format!("{}, {} failovers, {} retries", m.epoch, m.failovers, m.retries),
        ],
        ["sign of life".to_owned(), format!("{} ago", age(m.liveness_age))],
        ["shadow".to_owned(), own.shadow.unwrap_or_default()],
        ["retired".to_owned(), own.retired.unwrap_or_default()],
        ["message".to_owned(), m.message.clone()],
        ["cluster".to_owned(), situation],
    ];
    rows.retain(|[_, value]| !value.is_empty());
    print!("{}", table(&rows));
    Ok(ExitCode::from(COMPLETE))
}

pub(crate) async fn events(cluster: &Cluster, id: &str, format: Format) -> Result<ExitCode, Failure> {
    let found = cluster.find(id).await?;
    let events = cluster.scheduler.events(&found.server, &found.migration.id).await?;
    if !found.situation.is_empty() {
        eprintln!("outlast: {}", found.situation);
    }
    if format == Format::Json {
        for e in events {
            println!(
                "{}",
                json!({ "at": e.at, "epoch": e.epoch, "agent": e.agent, "server_uuid": e.server, "kind": e.kind,
                        "detail": e.detail })
            );
        }
        return Ok(ExitCode::from(COMPLETE));
    }
    let mut rows = vec![["AT (UTC)", "EPOCH", "KIND", "DETAIL"].map(str::to_owned)];
    rows.extend(
        events
            .into_iter()
            .map(|e| [e.at, e.epoch.to_string(), e.kind, e.detail]),
    );
    print!("{}", table(&rows));
    Ok(ExitCode::from(COMPLETE))
}
