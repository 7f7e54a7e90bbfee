//! MySQL's errors, translated into kinds. The numbers are those of MySQL's `messages_to_clients.txt`.

use mysql_async::{DriverError, Error as MysqlError};
use outlast_core::{Error, ErrorKind};

/// Translates an error of the driver or the server.
pub fn classify(error: MysqlError) -> Error {
    match &error {
        MysqlError::Server(server) => {
            let kind = kind_of(server.code, &server.message);
            let message = format!("{} (MySQL error {})", server.message, server.code);
            Error::new(kind, message).with_code(server.code).with_source(error)
        }
        // What a server asks for differs by account, and for a name that it does not know, by chance.
        MysqlError::Driver(DriverError::UnknownAuthPlugin { name }) => Error::new(
            ErrorKind::AccessDenied,
            format!(
                "the server asks for a login by {name}, which Outlast can't do; check the user name, and that the account \
                 is identified by caching_sha2_password"
            ),
        )
        .with_source(error),
        MysqlError::Driver(DriverError::CleartextPluginDisabled) => Error::new(
            ErrorKind::AccessDenied,
            "the server asks for the password in clear text, which Outlast never sends; identify the account by \
             caching_sha2_password, and find out whether this is the server that it should be",
        )
        .with_source(error),
        MysqlError::Driver(DriverError::NoClientSslFlagFromServer) => Error::new(
            ErrorKind::AccessDenied,
            "the server offers no encryption, and Outlast was told to use it (--tls, --tls-ca); nothing was sent",
        )
        .with_source(error),
        // The TLS library's errors come as those of the connection.
        MysqlError::Io(io) if io.to_string().contains("invalid peer certificate") => {
            let message = format!(
                "the server's certificate is not accepted ({io}); nothing was sent. It has to be signed by the authority that \
                 --tls-ca names, and to name the host that is connected to (the certificates that MySQL makes for itself name none)"
            );
            Error::new(ErrorKind::AccessDenied, message)
        }
        MysqlError::Io(_) | MysqlError::Driver(_) => {
            Error::new(ErrorKind::ServerGone, "the connection to the server was lost").with_source(error)
        }
        MysqlError::Other(_) | MysqlError::Url(_) => {
            Error::new(ErrorKind::Unknown, error.to_string()).with_source(error)
        }
    }
}

/// The kind of a server's error number.
fn kind_of(code: u16, message: &str) -> ErrorKind {
    match code {
        // Shutting down, offline, network errors that the server reports, an idle session that was closed.
        1053 | 1077 | 1078 | 1079 | 1152 | 1154..=1161 | 1184 | 1927 | 2006 | 2013 | 3032 | 3169 | 4031 => {
            ErrorKind::ServerGone
        }
        // read_only, super_read_only, read-only transaction; a Group Replication member that is no primary.
        1290 | 1792 | 1836 | 3098 | 3100 | 3101 | 3796 => ErrorKind::NotPrimary,
        // Too many connections, lock timeouts, deadlocks, killed statements, NOWAIT, a definition that just changed, a full
        // disk (which is mended without us).
        1021 | 1040 | 1114 | 1203 | 1205 | 1206 | 1213 | 1226 | 1317 | 1412 | 1613 | 1614 | 1615 | 1878 | 3024
        | 3058 | 3572 | 3675 => ErrorKind::Passing,
        // The transaction exceeds max_binlog_cache_size; the packet exceeds max_allowed_packet.
        1197 | 1153 | 1301 => ErrorKind::TooBig,
        // A value that does not fit: NULL, range, truncation, character set, CHECK, JSON, geometry, vector, foreign key,
        // partition, functional and full-text index.
        182
        | 1048
        | 1138
        | 1264
        | 1265
        | 1292
        | 1300
        | 1364..=1367
        | 1406
        | 1411
        | 1416
        | 1441
        | 1525
        | 1451
        | 1452
        | 1526
        | 1690
        | 1748
        | 3037
        | 3055
        | 3140..=3158
        | 3616
        | 3617
        | 3643
        | 3668
        | 3732
        | 3751..=3753
        | 3819
        | 3854
        | 3903..=3907
        | 6136..=6138 => ErrorKind::DataRejected,
        1062 | 1586 | 1859 => ErrorKind::Duplicate,
        // A table or a column that was there is not there.
        1051 | 1054 | 1146 | 1176 => ErrorKind::SourceChanged,
        // No login, no privilege; the account was dropped (1141), locked, or its password has expired, since the session began.
        1044 | 1045 | 1130 | 1141 | 1142 | 1143 | 1227 | 1251 | 1370 | 1698 | 1820 | 1862 | 3118 | 3159 | 3878
        | 3879 | 3955 => ErrorKind::AccessDenied,
        1236 | 1789 if message.contains("purged") || message.contains("first log file") => ErrorKind::BinlogPurged,
        1789 => ErrorKind::BinlogPurged,
        // The dump ended for another reason, such as the end of the server.
        1236 => ErrorKind::ServerGone,
        1064 | 1065 | 1067 | 1068 | 1072 | 1091 | 1101 | 1102 | 1103 | 1115 | 1118 | 1170 | 1171 => {
            ErrorKind::StatementRejected
        }
        _ => ErrorKind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(code: u16, message: &str) -> ErrorKind {
        classify(MysqlError::Server(mysql_async::ServerError {
            code,
            message: message.to_owned(),
            state: "HY000".to_owned(),
        }))
        .kind()
    }

    #[test]
    fn what_a_failover_makes_servers_say_is_never_terminal() {
        for code in [1053, 1290, 1792, 1836, 2006, 2013, 3032, 3098, 3100, 3101] {
            assert_eq!(kind(code, "").response(), outlast_core::Response::Rediscover, "{code}");
        }
    }

    #[test]
    fn a_full_disk_passes() {
        for code in [1021, 1114, 3675] {
            assert_eq!(kind(code, ""), ErrorKind::Passing, "{code}");
        }
    }

    #[test]
    fn what_an_administrator_takes_from_the_account_is_waited_for() {
        for code in [1044, 1045, 1141, 1142, 1227, 1820, 1862, 3118, 3955] {
            assert_eq!(kind(code, ""), ErrorKind::AccessDenied, "{code}");
        }
    }

    #[test]
    fn a_purged_binlog_is_told_from_an_ended_dump() {
        let purged = "Cannot replicate because the source purged required binary logs.";
        assert_eq!(kind(1236, purged), ErrorKind::BinlogPurged);
        assert_eq!(kind(1236, "The server is being shut down"), ErrorKind::ServerGone);
    }
}
