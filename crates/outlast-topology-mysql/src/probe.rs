//! What is asked of a server at every look, in one round trip.

use mysql_async::Row;
use outlast_core::{Error, ErrorKind, GtidSet, Result, Server, ServerUuid};
use outlast_mysql::Session;
use serde::{Deserialize, de::DeserializeOwned};

/// Plugin variables are read from a table, because naming one as `@@…` is an error where the plugin is not loaded.
const QUERY: &str = "SELECT @@server_uuid AS uuid, @@GLOBAL.read_only AS read_only, \
    @@GLOBAL.super_read_only AS super_read_only, @@GLOBAL.offline_mode AS offline_mode, \
    CAST(@@GLOBAL.gtid_mode AS CHAR) AS gtid_mode, @@GLOBAL.gtid_executed AS executed, \
    (SELECT COALESCE(MAX(DESIRED_DELAY), 0) FROM performance_schema.replication_applier_configuration) AS delay, \
    (SELECT JSON_ARRAYAGG(JSON_OBJECT('source', s.SOURCE_UUID, 'state', s.SERVICE_STATE, 'host', c.HOST, \
        'port', c.PORT)) \
        FROM performance_schema.replication_connection_status s \
        JOIN performance_schema.replication_connection_configuration c ON c.CHANNEL_NAME = s.CHANNEL_NAME) AS channels, \
    (SELECT JSON_ARRAYAGG(JSON_OBJECT('uuid', MEMBER_ID, 'host', MEMBER_HOST, 'port', MEMBER_PORT, \
        'state', MEMBER_STATE, 'role', MEMBER_ROLE)) \
        FROM performance_schema.replication_group_members) AS members, \
    (SELECT MAX(VIEW_ID) FROM performance_schema.replication_group_member_stats) AS view_id, \
    (SELECT VARIABLE_VALUE FROM performance_schema.global_variables \
        WHERE VARIABLE_NAME = 'group_replication_group_name') AS group_name, \
    (SELECT VARIABLE_VALUE FROM performance_schema.global_variables \
        WHERE VARIABLE_NAME = 'group_replication_single_primary_mode') AS single_primary";

/// A server's answer.
#[derive(Clone, Debug)]
pub(crate) struct Probe {
    pub(crate) server: Server,
    pub(crate) read_only: bool,
    pub(crate) super_read_only: bool,
    pub(crate) offline_mode: bool,
    pub(crate) gtid_mode: String,
    /// `@@gtid_executed`.
    pub(crate) executed: GtidSet,
    /// By how much it is meant to lag (`SOURCE_DELAY`).
    pub(crate) delay_seconds: u64,
    pub(crate) channels: Vec<Channel>,
    pub(crate) group: Option<Group>,
}

/// A replication channel.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Channel {
    /// `server_uuid` of its source; empty before the first connection.
    pub(crate) source: Option<String>,
    /// State of the thread that receives: `ON`, `CONNECTING` or `OFF`.
    state: Option<String>,
    host: Option<String>,
    port: Option<u64>,
}

/// Group Replication as one member sees it.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// `group_replication_group_name`.
    pub(crate) name: String,
    pub(crate) is_single_primary: bool,
    /// `<prefix>:<number>`: the number grows with every change of the members.
    pub(crate) view_id: Option<String>,
    pub(crate) members: Vec<Member>,
}

/// A member of a group.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Member {
    pub(crate) uuid: String,
    host: Option<String>,
    port: Option<u64>,
    /// `ONLINE`, `RECOVERING`, `OFFLINE`, `ERROR`, `UNREACHABLE`.
    pub(crate) state: String,
    /// `PRIMARY`, `SECONDARY` or empty.
    pub(crate) role: String,
}

impl Probe {
    /// Asks the server of a session that was opened at `address`.
    pub(crate) async fn of(session: &mut Session, address: &str) -> Result<Self> {
        let row: Row = session.value(QUERY).await.map_err(|error| match error.kind() {
            ErrorKind::AccessDenied => error.context(format_args!(
                "{address} does not let its replication state be read; let an administrator run: \
                 GRANT SELECT ON performance_schema.* TO the user that Outlast connects as"
            )),
            _ => error.context(address),
        })?;
        Self::read(row, address)
    }

    fn read(mut row: Row, address: &str) -> Result<Self> {
        let row = &mut row;
        let name = field::<Option<String>>(row, "group_name")?.filter(|name| !name.is_empty());
        let single_primary: Option<String> = field(row, "single_primary")?;
        let view_id = field::<Option<String>>(row, "view_id")?.filter(|id| !id.is_empty());
        let members: Vec<Member> = list(row, "members")?;
        Ok(Self {
            server: Server {
                uuid: ServerUuid::new(field::<String>(row, "uuid")?),
                address: address.to_owned(),
            },
            read_only: field(row, "read_only")?,
            super_read_only: field(row, "super_read_only")?,
            offline_mode: field(row, "offline_mode")?,
            gtid_mode: field(row, "gtid_mode")?,
            executed: gtids(&field::<String>(row, "executed")?)?,
            delay_seconds: field(row, "delay")?,
            channels: list(row, "channels")?,
            group: name.map(|name| Group {
                name,
                is_single_primary: single_primary.as_deref() != Some("OFF"),
                view_id,
                members,
            }),
        })
    }

    /// Why it takes no writes; `None` if it does, as far as its own settings go.
    pub(crate) fn refuses_writes(&self) -> Option<&'static str> {
        if self.offline_mode {
            Some("is in offline mode")
        } else if self.super_read_only {
            Some("is read-only (super_read_only)")
        } else if self.read_only {
            Some("is read-only (read_only)")
        } else {
            None
        }
    }

    /// Whether it takes part in a group, which then decides whether it takes writes.
    pub(crate) fn is_managed_by_group(&self) -> bool {
        self.member_state().is_some_and(|state| state != "OFFLINE")
    }

    /// In which state it is in its group, as it says itself; `None` if it has none, or has not joined.
    pub(crate) fn member_state(&self) -> Option<&str> {
        let mut members = self.group.iter().flat_map(|group| &group.members);
        let own = members.find(|member| member.uuid == self.server.uuid.as_str())?;
        Some(&own.state)
    }

    /// Whether it is connected, as a replica, to a source at one of these addresses.
    pub(crate) fn hears_from_one_of(&self, addresses: &[&str]) -> bool {
        let connected = self
            .channels
            .iter()
            .filter(|channel| channel.state.as_deref() == Some("ON"));
        connected
            .filter_map(|channel| address_of(channel.host.as_deref()?, channel.port?))
            .any(|source| addresses.contains(&source.as_str()))
    }

    /// Addresses of other servers that it knows of.
    pub(crate) fn neighbours(&self) -> impl Iterator<Item = String> {
        let sources = self.channels.iter().map(|channel| (&channel.host, channel.port));
        let members = self.group.iter().flat_map(|group| &group.members);
        let members = members.map(|member| (&member.host, member.port));
        sources
            .chain(members)
            .filter_map(|(host, port)| address_of(host.as_deref()?, port?))
    }
}

impl Member {
    /// For people: its address, or its uuid if it tells none.
    pub(crate) fn shown(&self) -> String {
        let address = self.host.as_deref().zip(self.port);
        let address = address.and_then(|(host, port)| address_of(host, port));
        address.unwrap_or_else(|| self.uuid.clone())
    }
}

impl Channel {
    /// Whether it receives, or tries to.
    pub(crate) fn is_running(&self) -> bool {
        matches!(self.state.as_deref(), Some("ON" | "CONNECTING"))
    }
}

/// `host:port`; `None` for what the server shows where there is none (`<NULL>` and 0 for channels of a group).
pub(crate) fn address_of(host: &str, port: u64) -> Option<String> {
    match host {
        "" | "<NULL>" => None,
        _ if port == 0 => None,
        host if host.contains(':') => Some(format!("[{host}]:{port}")),
        host => Some(format!("{host}:{port}")),
    }
}

fn field<T: mysql_async::prelude::FromValue>(row: &mut Row, name: &str) -> Result<T> {
    match row.take_opt(name) {
        Some(Ok(value)) => Ok(value),
        _ => Err(unreadable(name)),
    }
}

fn list<T: DeserializeOwned>(row: &mut Row, name: &str) -> Result<Vec<T>> {
    let Some(text) = field::<Option<String>>(row, name)? else {
        return Ok(Vec::new());
    };
    serde_json::from_str(&text).map_err(|error| unreadable(name).with_source(error))
}

/// `@@gtid_executed`, as the server writes it.
pub(crate) fn gtids(text: &str) -> Result<GtidSet> {
    text.parse()
        .map_err(|error| unreadable("gtid_executed").with_source(error))
}

fn unreadable(name: &str) -> Error {
    Error::new(
        ErrorKind::Unknown,
        format!("the server's {name} can't be read; this version of MySQL may be newer than what Outlast knows"),
    )
}

#[cfg(test)]
pub(crate) mod made_up {
    //! Answers for tests.

    use super::*;

    pub(crate) fn uuid(n: u32) -> String {
        format!("{n:08x}-0000-4000-8000-000000000000")
    }

    pub(crate) fn server(n: u32) -> Server {
        Server {
            uuid: ServerUuid::new(uuid(n)),
            address: format!("db{n}:3306"),
        }
    }

    /// A writable server.
    pub(crate) fn writable(n: u32) -> Probe {
        Probe {
            server: server(n),
            read_only: false,
            super_read_only: false,
            offline_mode: false,
            gtid_mode: "ON".to_owned(),
            executed: GtidSet::new(),
            delay_seconds: 0,
            channels: Vec::new(),
            group: None,
        }
    }

    /// A read-only server.
    pub(crate) fn replica(n: u32) -> Probe {
        Probe {
            read_only: true,
            super_read_only: true,
            ..writable(n)
        }
    }

    impl Probe {
        /// With a channel.
        pub(crate) fn replicating_from(mut self, n: u32, state: &str) -> Self {
            self.channels.push(Channel {
                source: Some(uuid(n)),
                state: Some(state.to_owned()),
                host: Some(format!("db{n}")),
                port: Some(3306),
            });
            self
        }

        /// As a member of a group of (number, state, role).
        pub(crate) fn in_group(mut self, view: &str, members: &[(u32, &str, &str)]) -> Self {
            let member = |&(n, state, role): &(u32, &str, &str)| Member {
                uuid: uuid(n),
                host: Some(format!("db{n}")),
                port: Some(3306),
                state: state.to_owned(),
                role: role.to_owned(),
            };
            self.group = Some(Group {
                name: "group".to_owned(),
                is_single_primary: true,
                view_id: Some(view.to_owned()),
                members: members.iter().map(member).collect(),
            });
            self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_shows_for_no_address_is_none() {
        assert_eq!(address_of("db1", 3306).as_deref(), Some("db1:3306"));
        assert_eq!(address_of("::1", 3306).as_deref(), Some("[::1]:3306"));
        assert_eq!(address_of("<NULL>", 0), None);
        assert_eq!(address_of("", 3306), None);
    }

    #[test]
    fn sources_and_group_members_are_neighbours() {
        let probe = made_up::writable(1)
            .replicating_from(2, "ON")
            .in_group("1:1", &[(3, "ONLINE", "PRIMARY")]);
        assert_eq!(probe.neighbours().collect::<Vec<_>>(), ["db2:3306", "db3:3306"]);
    }
}
