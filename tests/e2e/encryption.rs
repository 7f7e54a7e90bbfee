//! Encrypted connections, and logins that tell nobody the password.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use anyhow::{Context, Result, ensure};
use outlast_testbed::{
    Cluster, Node, RelayLog, TableName, Topology, accounts, certificates, create_and_fill, eventually,
    expect_identical, native_copy,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{outlast, scene::PATIENCE};

const DRY_RUN: [&str; 3] = ["run", "--dry-run", "ALTER TABLE test.customers ADD COLUMN note INT"];

fn with<'a>(arguments: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [arguments, more].concat()
}

/// A command that must be refused, in one line that holds the words.
async fn refused(servers: &[String], arguments: &[&str], words: &[&str]) -> Result<()> {
    let output = outlast::output(servers, arguments).await?;
    let said = String::from_utf8_lossy(&output.stderr);
    println!("{arguments:?}: {said}");
    ensure!(
        output.status.code() == Some(3) && said.lines().count() == 1,
        "{arguments:?} ended with {:?}: {said}",
        output.status
    );
    for word in words {
        ensure!(said.contains(word), "{word:?} is not in: {said}");
    }
    Ok(())
}

/// Every connection of Outlast's account is encrypted, the one that reads the binlog too.
async fn expect_encrypted(node: &Node) -> Result<()> {
    eventually("encrypted connections, a reader of the binlog among them", PATIENCE, || async {
        let sessions: Vec<(String, String, String)> = node
            .query(&format!(
                "SELECT t.PROCESSLIST_COMMAND, t.CONNECTION_TYPE, s.VARIABLE_VALUE FROM performance_schema.threads t \
                 JOIN performance_schema.status_by_thread s ON s.THREAD_ID = t.THREAD_ID AND s.VARIABLE_NAME = 'Ssl_version' \
                 WHERE t.PROCESSLIST_USER = '{}'",
                accounts::OUTLAST_USER
            ))
            .await?;
        let plain = sessions
            .iter()
            .find(|(_, kind, version)| kind != "SSL/TLS" || !version.starts_with("TLSv1."));
        ensure!(plain.is_none(), "not encrypted: {plain:?}");
        let reads_binlog = sessions.iter().any(|(command, ..)| command.contains("Binlog Dump"));
        ensure!(reads_binlog && sessions.len() > 2, "{sessions:?}");
        Ok(())
    })
    .await
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("the path is no text")
}

/// An account that asks for encryption, servers whose certificates are verified, a failover in between.
#[tokio::test]
async fn a_migration_survives_a_failover_with_every_connection_encrypted_and_every_server_verified() -> Result<()> {
    let mut builder = Cluster::builder(Topology::AsyncGtid { nodes: 2 });
    for argument in certificates::arguments() {
        builder = builder.argument(argument);
    }
    let cluster = builder.start().await?;
    let servers = cluster.addresses();
    let table = TableName::new("test", "customers");
    create_and_fill(&mut cluster.primary().connect().await?, &table, 20_000).await?;
    let alter_user = format!("ALTER USER {}@'%' REQUIRE SSL", accounts::OUTLAST_USER);
    cluster.primary().execute(&alter_user).await?;
    cluster.wait_for_catch_up(1, PATIENCE).await?;

    let (right, wrong) = (certificates::authority(), certificates::other_authority());
    let right = ["--tls-ca", text(&right)?];
    refused(&servers, &DRY_RUN, &["Access denied", "encryption (--tls, --tls-ca)"]).await?;
    let unknown = with(&DRY_RUN, &["--tls-ca", text(&wrong)?]);
    refused(
        &servers,
        &unknown,
        &["certificate is not accepted", "UnknownIssuer", "nothing was sent"],
    )
    .await?;
    // By this name, the server is somebody else's.
    let elsewhere: Vec<String> = servers
        .iter()
        .map(|address| address.replace("127.0.0.1", "localhost"))
        .collect();
    let other_name = ["certificate is not accepted", "not valid for name \"localhost\""];
    refused(&elsewhere, &with(&DRY_RUN, &right), &other_name).await?;
    outlast::succeed(&servers, &with(&DRY_RUN, &["--tls"])).await?;

    let logs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/e2e/encryption");
    std::fs::create_dir_all(&logs)?;
    let _agent = outlast::agent(&servers, "agent-0", logs.join("agent-0.log"), &right)?;
    let changes = "ADD COLUMN note VARCHAR(40) NOT NULL DEFAULT 'none', MODIFY payload VARCHAR(300)";
    let statement = format!("ALTER TABLE test.customers {changes}");
    let submit = [
        "submit",
        &statement,
        "--no-instant",
        "--postpone-completion",
        "--chunk-rows",
        "200",
        "--chunk-pause",
        "150ms",
    ];
    let id = outlast::succeed(&servers, &with(&submit, &right))
        .await?
        .trim()
        .to_owned();
    let status = with(&["status", &id, "--format", "json"], &right);
    let wait_for = async |what: &str, condition: &dyn Fn(&serde_json::Value) -> bool| {
        eventually(what, PATIENCE, || async {
            let status = outlast::json(&servers, &status).await?;
            ensure!(condition(&status), "{status}");
            Ok(())
        })
        .await
    };
    eventually("copied chunks", PATIENCE, || async {
        let chunks: u64 = cluster
            .primary()
            .query_one("SELECT COUNT(*) FROM _outlast.copied_ranges")
            .await?;
        ensure!(chunks > 3, "{chunks} chunks");
        Ok(())
    })
    .await?;
    expect_encrypted(cluster.primary()).await?;
    cluster.wait_for_catch_up(1, PATIENCE).await?;
    cluster.primary().kill9();
    cluster.promote(1, RelayLog::AppliedFirst).await?;
    wait_for("the copy's end on the new primary", &|s| {
        s["phase"] == "ready" && s["epoch"] == 2
    })
    .await?;
    expect_encrypted(cluster.primary()).await?;
    let expected = TableName::new("test", "expected");
    native_copy(&mut cluster.primary().connect().await?, &table, &expected, changes).await?;
    outlast::succeed(&servers, &with(&["complete", &id], &right)).await?;
    wait_for("the end", &|s| s["status"] == "complete").await?;
    expect_identical(&mut cluster.primary().connect().await?, &expected, &table).await
}

/// Leads connections to a server, and keeps what clients send.
async fn eavesdropped(server: String) -> Result<(String, Arc<Mutex<Vec<u8>>>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (server, ear) = (server.clone(), Arc::clone(&ear));
            tokio::spawn(async move {
                let Ok(server) = TcpStream::connect(server).await else {
                    return;
                };
                let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
                    (client.into_split(), server.into_split());
                tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
                let mut buffer = [0; 16 * 1024];
                while let Ok(count @ 1..) = from_client.read(&mut buffer).await {
                    ear.lock().unwrap().extend_from_slice(&buffer[..count]);
                    if to_server.write_all(&buffer[..count]).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    Ok((address, heard))
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Without encryption, the first login after a server's start goes by the server's public key: the wire never carries the password.
#[tokio::test]
async fn a_login_without_encryption_does_not_send_the_password() -> Result<()> {
    let cluster = Cluster::start(Topology::Single).await?;
    create_and_fill(
        &mut cluster.primary().connect().await?,
        &TableName::new("test", "customers"),
        10,
    )
    .await?;
    let (address, heard) = eavesdropped(cluster.primary().address()).await?;
    cluster.primary().execute("FLUSH PRIVILEGES").await?;
    outlast::succeed(&[address], &with(&DRY_RUN, &["--single-endpoint"])).await?;
    let heard = heard.lock().unwrap().clone();
    // The request for the key: a packet of one byte, 2, the third of the connection that the client sends or answers.
    ensure!(
        heard
            .windows(5)
            .any(|packet| packet[..3] == [1, 0, 0] && packet[4] == 2),
        "no key was asked for"
    );
    ensure!(holds(&heard, accounts::OUTLAST_USER), "nothing was heard");
    ensure!(
        !holds(&heard, accounts::OUTLAST_PASSWORD),
        "the password was on the wire"
    );
    Ok(())
}

/// A packet of MySQL's protocol.
fn packet(number: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_le_bytes();
    [&length[..3], &[number], payload].concat()
}

/// Somebody who answers in the server's place and asks for the password in clear text.
async fn impostor() -> Result<(String, Arc<Mutex<Vec<u8>>>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let greeting = [
                &b"\x0a9.7.4\0\x01\0\0\0saltsalt\0"[..],
                // Protocol 4.1, secure connections, login methods by name; character set; status.
                &[0x00, 0x82, 0xff, 0x02, 0x00, 0x08, 0x00, 21],
                &[0; 10],
                b"saltsaltsalt\0mysql_native_password\0",
            ]
            .concat();
            let _ = client.write_all(&packet(0, &greeting)).await;
            let mut buffer = vec![0; 4096];
            let mut number = 0;
            while let Ok(count @ 1..) = client.read(&mut buffer).await {
                ear.lock().unwrap().extend_from_slice(&buffer[..count]);
                number += 2;
                let _ = client.write_all(&packet(number, b"\xfemysql_clear_password\0")).await;
            }
        }
    });
    Ok((address, heard))
}

#[tokio::test]
async fn the_password_is_not_sent_in_clear_text_to_whoever_asks_for_it() -> Result<()> {
    let (address, heard) = impostor().await?;
    refused(
        std::slice::from_ref(&address),
        &DRY_RUN,
        &["asks for the password in clear text", "never sends"],
    )
    .await?;
    let heard = heard.lock().unwrap().clone();
    ensure!(holds(&heard, accounts::OUTLAST_USER), "nothing was heard");
    ensure!(!holds(&heard, accounts::OUTLAST_PASSWORD), "the password was sent");
    let without_tls = ["offers no encryption", "nothing was sent"];
    refused(&[address], &with(&DRY_RUN, &["--tls"]), &without_tls).await
}
