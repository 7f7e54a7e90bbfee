//! Configuration files: Outlast's own (TOML) and MySQL's option files.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::exit::Failure;

/// Keys of Outlast's own file.
const KEYS: [&str; 11] = [
    "servers",
    "single_endpoint",
    "user",
    "password",
    "password_file",
    "password_command",
    "defaults_file",
    "database",
    "tls",
    "tls_ca",
    "clusters",
];
/// From this likeness on (Jaro-Winkler, 0 to 1), a name may be meant that was written otherwise.
const ALIKE: f64 = 0.75;

/// Outlast's own file, or one cluster in it. Every key is optional; unknown keys are refused.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    #[serde(default)]
    pub(crate) servers: Vec<String>,
    pub(crate) single_endpoint: Option<bool>,
    pub(crate) user: Option<String>,
    password: Option<String>,
    password_file: Option<PathBuf>,
    password_command: Option<String>,
    pub(crate) defaults_file: Option<PathBuf>,
    pub(crate) database: Option<String>,
    pub(crate) tls: Option<bool>,
    pub(crate) tls_ca: Option<PathBuf>,
    /// By name; what they leave out is as outside of them.
    #[serde(default)]
    clusters: BTreeMap<String, Config>,
}

impl Config {
    /// What the file says of a cluster, or, where it names none, of the only one.
    pub(crate) fn read(path: &Path, cluster: Option<&str>) -> Result<Self, Failure> {
        let text = read(path)?;
        let config = Self::parse(&text).and_then(|config| config.of(cluster));
        config.map_err(|why| Failure::usage(format!("configuration file {}: {why}", path.display())))
    }

    /// The error is one line for people. It never quotes a line that may hold a password.
    fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| {
            let begin = error.span().map_or(0, |span| span.start);
            let before = text.get(..begin).unwrap_or(text);
            let number = before.matches('\n').count() + 1;
            let line = text.lines().nth(number - 1).unwrap_or_default();
            if line.to_lowercase().contains("password") {
                return format!(
                    "line {number} can't be read; write password = \"…\", or better password_file or password_command, in quotes"
                );
            }
            let unknown = error.message().strip_prefix("unknown field `");
            let meant = unknown.and_then(|rest| rest.split('`').next()).and_then(|key| alike(key, KEYS));
            let hint = meant.map_or(String::new(), |key| format!("; did you mean `{key}`?"));
            format!("line {number}: {}{hint}", error.message().replace('\n', " "))
        })
    }

    /// The cluster of this name; without a name, the only one there can be.
    fn of(mut self, cluster: Option<&str>) -> Result<Self, String> {
        let mut clusters = std::mem::take(&mut self.clusters);
        if let Some((name, _)) = clusters.iter().find(|(_, config)| !config.clusters.is_empty()) {
            return Err(format!("cluster {name} has clusters of its own; write them beside it"));
        }
        let names = clusters.keys().cloned().collect::<Vec<_>>();
        let shown = || names.join(", ");
        let name = match (cluster, names.as_slice()) {
            (Some(name), _) => name.to_owned(),
            (None, []) => return Ok(self),
            (None, [only]) if self.servers.is_empty() => only.clone(),
            (None, _) => {
                return Err(format!("it has clusters; say which with --cluster: {}", shown()));
            }
        };
        match clusters.remove(&name) {
            Some(of_its_own) => Ok(of_its_own.within(self)),
            None => {
                let meant = alike(&name, names.iter().map(String::as_str));
                let hint = meant.map_or(String::new(), |name| format!("; did you mean {name}?"));
                Err(format!("it has no cluster {name:?}, only: {}{hint}", shown()))
            }
        }
    }

    /// What this leaves out is as in `outer`.
    ///
    /// An option file of its own is about its own account.
    fn within(self, mut outer: Self) -> Self {
        if self.defaults_file.is_some() {
            outer = Self {
                user: None,
                password: None,
                password_file: None,
                password_command: None,
                ..outer
            };
        }
        let has_secret = self.password.is_some() || self.password_file.is_some() || self.password_command.is_some();
        let (password, password_file, password_command) = match has_secret {
            true => (self.password, self.password_file, self.password_command),
            false => (outer.password, outer.password_file, outer.password_command),
        };
        Self {
            servers: if self.servers.is_empty() {
                outer.servers
            } else {
                self.servers
            },
            single_endpoint: self.single_endpoint.or(outer.single_endpoint),
            user: self.user.or(outer.user),
            password,
            password_file,
            password_command,
            defaults_file: self.defaults_file.or(outer.defaults_file),
            database: self.database.or(outer.database),
            tls: self.tls.or(outer.tls),
            tls_ca: self.tls_ca.or(outer.tls_ca),
            clusters: BTreeMap::new(),
        }
    }

    /// The password, from wherever the file says that it is.
    pub(crate) fn secret(&self) -> Result<Option<String>, Failure> {
        match (&self.password, &self.password_file, &self.password_command) {
            (None, None, None) => Ok(None),
            (Some(password), None, None) => Ok(Some(password.clone())),
            (None, Some(path), None) => match first_line(&read(path)?) {
                password if password.is_empty() => Err(Failure::usage(format!(
                    "password_file {} begins with an empty line; its first line is the password",
                    path.display()
                ))),
                password => Ok(Some(password)),
            },
            (None, None, Some(command)) => printed(command).map(Some),
            _ => Err(Failure::usage(
                "the configuration file gives more than one of password, password_file and password_command; keep one",
            )),
        }
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// The first line that a command prints. What it prints is told to nobody.
fn printed(command: &str) -> Result<String, Failure> {
    let failed = |why: String| Failure::usage(format!("password_command has given no password: {why}"));
    let output = std::process::Command::new("sh")
        .args(["-c", command])
        .stdin(std::process::Stdio::null())
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    match output.status.success() {
        false => Err(failed(format!("it ended with {}", output.status))),
        true => String::from_utf8(output.stdout)
            .ok()
            .map(|text| first_line(&text))
            .filter(|password| !password.is_empty())
            .ok_or_else(|| failed("it printed nothing that could be one".to_owned())),
    }
}

/// The name that was probably meant.
fn alike<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |name: &str| strsim::jaro_winkler(&written.to_lowercase(), &name.to_lowercase());
    names
        .into_iter()
        .filter(|name| likeness(name) >= ALIKE)
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
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

    /// User and password of the user's own option file, `~/.my.cnf`: nothing if there is none, or it is about another account than
    /// `user`. Which server is meant has to be said.
    pub(crate) fn of_user(user: Option<&str>) -> Self {
        let path = std::env::var_os("HOME").map(|home| Path::new(&home).join(".my.cnf"));
        let text = match path.as_ref().map(std::fs::read_to_string) {
            Some(Ok(text)) => text,
            Some(Err(error)) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%error, "~/.my.cnf can't be read, and is passed over");
                return Self::default();
            }
            _ => return Self::default(),
        };
        Self::parse(&text).of_account(user)
    }

    fn of_account(self, user: Option<&str>) -> Self {
        match user.is_none_or(|user| self.user.as_deref().is_none_or(|own| own == user)) {
            true => Self {
                host: None,
                port: None,
                ..self
            },
            false => Self::default(),
        }
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
    fn a_password_of_another_account_is_not_taken_from_the_users_own_file() {
        let own = |user| ClientDefaults::parse("[client]\nuser=root\npassword=r\nhost=db1").of_account(user);
        assert_eq!(own(Some("outlast")), ClientDefaults::default());
        for same in [None, Some("root")] {
            assert_eq!((own(same).password.as_deref(), own(same).server()), (Some("r"), None));
        }
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

    #[test]
    fn a_key_that_is_written_otherwise_is_guessed() {
        for (line, meant) in [
            ("server = ['a']", "servers"),
            ("tls-ca = 'x'", "tls_ca"),
            ("cluster = 1", "clusters"),
        ] {
            let error = Config::parse(line).unwrap_err();
            assert!(error.ends_with(&format!("did you mean `{meant}`?")), "{line}: {error}");
        }
        assert!(!Config::parse("zzz = 1").unwrap_err().contains("did you mean"));
    }

    const TWO: &str = "user = 'u'\npassword = 'outside'\n[clusters.shop]\nservers = ['s:1']\n\
        [clusters.bank]\nservers = ['b:1']\nuser = 'v'\npassword_command = 'echo inside'\ntls = true\n";

    #[test]
    fn a_cluster_is_as_the_file_says_outside_where_it_says_nothing() {
        let of = |name| Config::parse(TWO).unwrap().of(Some(name)).unwrap();
        let (shop, bank) = (of("shop"), of("bank"));
        assert_eq!(
            (shop.servers.as_slice(), shop.user.as_deref(), shop.tls),
            (&["s:1".to_owned()][..], Some("u"), None)
        );
        assert_eq!((bank.user.as_deref(), bank.tls), (Some("v"), Some(true)));
        let secret = |config: &Config| config.secret().unwrap();
        assert_eq!(
            (secret(&shop).as_deref(), secret(&bank).as_deref()),
            (Some("outside"), Some("inside"))
        );
    }

    #[test]
    fn a_cluster_with_an_option_file_of_its_own_has_the_account_of_that() {
        let text = "user = 'u'\npassword = 'p'\ntls = true\n[clusters.a]\ndefaults_file = 'f'\ntls = false\n";
        let config = Config::parse(text).unwrap().of(Some("a")).unwrap();
        assert_eq!((config.user.as_deref(), config.secret().unwrap()), (None, None));
        assert_eq!(config.tls, Some(false));
    }

    #[test]
    fn which_cluster_is_meant_must_be_clear() {
        let of = |text: &str, name| Config::parse(text).unwrap().of(name);
        assert!(of(TWO, None).unwrap_err().ends_with("bank, shop"));
        assert!(of(TWO, Some("shpo")).unwrap_err().ends_with("did you mean shop?"));
        let only = "[clusters.shop]\nservers = ['s:1']";
        assert_eq!(of(only, None).unwrap().servers, ["s:1"]);
        assert_eq!(of("servers = ['s:1']", None).unwrap().servers, ["s:1"]);
        assert!(of("[clusters.a.clusters.b]", Some("a")).is_err());
        // One more must not make a command mean another cluster.
        assert!(of("servers = ['x:1']\n[clusters.shop]\nservers = ['s:1']", None).is_err());
    }

    #[test]
    fn a_password_comes_from_one_place() {
        let secret = |text: &str| Config::parse(text).unwrap().secret();
        let file = std::env::temp_dir().join(format!("outlast-password-{}", std::process::id()));
        std::fs::write(&file, "from a file\nand more\n").unwrap();
        let from_file = secret(&format!("password_file = {:?}", file.to_str().unwrap()));
        std::fs::remove_file(&file).unwrap();
        assert_eq!(from_file.unwrap().as_deref(), Some("from a file"));
        assert_eq!(secret("password_command = 'printf a'").unwrap().as_deref(), Some("a"));
        assert_eq!(secret("user = 'u'").unwrap(), None);
        assert!(secret("password_command = 'echo secret; exit 3'").is_err());
        assert!(secret("password = 'a'\npassword_file = 'b'").is_err());
    }

    #[test]
    fn the_example_has_every_key_and_can_be_read_as_it_is_and_with_all_of_them() {
        let example = include_str!("../../../examples/outlast.toml");
        assert_eq!(Config::parse(example).unwrap().user.as_deref(), Some("outlast"));
        let is_setting = |line: &str| line.starts_with('[') || line.contains(" = ") || line.is_empty();
        let all: Vec<&str> = example
            .lines()
            .map(|line| line.strip_prefix("# ").unwrap_or(line))
            .filter(|line| is_setting(line) && !line.ends_with('.'))
            .collect();
        let config = Config::parse(&all.join("\n")).unwrap();
        assert_eq!(config.clusters.len(), 2);
        for key in KEYS {
            let is_told = |line: &&str| line.starts_with(&format!("{key} = ")) || line.starts_with(&format!("[{key}."));
            assert!(all.iter().any(is_told), "{key}");
        }
    }
}
