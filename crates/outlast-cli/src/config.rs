//! Configuration files: Outlast's own (TOML) and MySQL's option files.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::exit::Failure;

/// Outlast's own file. Every key is optional; unknown keys are refused.
#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    #[serde(default)]
    pub(crate) servers: Vec<String>,
    #[serde(default)]
    pub(crate) single_endpoint: bool,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) defaults_file: Option<PathBuf>,
    pub(crate) database: Option<String>,
    #[serde(default)]
    pub(crate) tls: bool,
    pub(crate) tls_ca: Option<PathBuf>,
}

impl Config {
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        Self::parse(&read(path)?).map_err(|why| Failure::usage(format!("configuration file {}: {why}", path.display())))
    }

    /// The error is one line for people. It never quotes a line that may hold a password.
    fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| {
            let begin = error.span().map_or(0, |span| span.start);
            let before = text.get(..begin).unwrap_or(text);
            let number = before.matches('\n').count() + 1;
            let line = text.lines().nth(number - 1).unwrap_or_default();
            match line.to_lowercase().contains("password") {
                true => format!("line {number} can't be read; write password = \"…\", in quotes"),
                false => format!("line {number}: {}", error.message().replace('\n', " ")),
            }
        })
    }
}

/// What section `client` of a MySQL option file gives.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct ClientDefaults {
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) port: Option<String>,
}

impl ClientDefaults {
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        Ok(Self::parse(&read(path)?))
    }

    fn parse(text: &str) -> Self {
        let mut defaults = Self::default();
        let mut in_client = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with('[') {
                in_client = line == "[client]" || line == "[outlast]";
                continue;
            }
            let Some((key, value)) = line
                .split_once('=')
                .filter(|_| in_client && !line.starts_with(['#', ';']))
            else {
                continue;
            };
            let value = Some(unquoted(value.trim()).to_owned());
            match key.trim() {
                "user" => defaults.user = value,
                "password" => defaults.password = value,
                "host" => defaults.host = value,
                "port" => defaults.port = value,
                _ => {}
            }
        }
        defaults
    }

    /// `host:port`, if a host is given.
    pub(crate) fn server(&self) -> Option<String> {
        let port = self.port.as_deref().unwrap_or("3306");
        self.host.as_ref().map(|host| format!("{host}:{port}"))
    }
}

fn unquoted(value: &str) -> &str {
    ['"', '\'']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote))
        .unwrap_or(value)
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::usage(format!("{} can't be read: {error}", path.display())))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn option_files_are_read_as_mysql_does() {
        let text = "[mysqld]\nuser=mysql\n[client]\n# c\nuser = app\npassword=\"a#b=c\"\nhost=db1\n";
        let defaults = ClientDefaults::parse(text);
        assert_eq!(defaults.user.as_deref(), Some("app"));
        assert_eq!(defaults.password.as_deref(), Some("a#b=c"));
        assert_eq!(defaults.server().as_deref(), Some("db1:3306"));
    }

    #[test]
    fn unknown_keys_are_refused() {
        let error = Config::parse("\nusr = 'x'").unwrap_err();
        assert!(error.starts_with("line 2: unknown field `usr`"), "{error}");
        assert_eq!(Config::parse("user = 'x'").unwrap().user.as_deref(), Some("x"));
    }

    #[test]
    fn a_password_is_never_quoted() {
        for line in [
            "password = 12345678",
            "password = 1234-5678",
            "password = '12345678",
            "password = \"\\12345678\"",
            "password 12345678",
            "password: 12345678",
            "password = ['12345678']",
            "password = { is = '12345678' }",
            "passwords = '12345678'",
            "Password = '12345678'",
            "tls = true\npassword = '1'\npassword = '12345678'",
            "password = '''\n12345678",
        ] {
            let error = Config::parse(line).unwrap_err();
            assert!(!error.contains("5678"), "{line}: {error}");
            assert!(error.starts_with("line "), "{line}: {error}");
        }
    }
}
