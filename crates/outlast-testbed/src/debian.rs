//! Unpacks MySQL from the distribution's own packages, without installing anything and without root.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Which suite of the machine's mirror carries MySQL, and under which package names.
struct Suite {
    name: String,
    /// Resolved with everything it depends on, the C library included.
    server: &'static str,
    /// Taken alone: it carries the plugins; what else it depends on is for running MySQL as a service.
    plugins: &'static str,
}

/// Downloads MySQL with all its libraries and unpacks it below `root`, which must not exist yet.
///
/// # Errors
///
/// When the machine isn't a Debian or Ubuntu, has no usable mirror in its apt sources, or a package can't be fetched.
pub(crate) fn unpack(root: &Path, report: &dyn Fn(&str)) -> Result<()> {
    let suite = suite_of(&fs::read_to_string("/etc/os-release").context("reading /etc/os-release")?)?;
    let uri = mirror().context("no mirror of the distribution found in /etc/apt")?;
    let work = root.with_extension("work");
    let apt = Apt::new(&work, &uri, &suite)?;

    report(&format!("MySQL: reading the package lists of {}", suite.name));
    apt.run(&["update"])?;
    let mut packages = apt.closure_of(suite.server)?;
    packages.push(suite.plugins.to_owned());
    apt.download(&packages, report)?;

    report(&format!("MySQL: unpacking {} packages", packages.len()));
    fs::create_dir_all(root).with_context(|| format!("creating {}", root.display()))?;
    for archive in apt.archives()? {
        let mut unpack = Command::new("dpkg-deb");
        output(unpack.arg("-x").arg(&archive).arg(root))?;
    }
    fs::remove_dir_all(&work).with_context(|| format!("removing {}", work.display()))
}

fn suite_of(os_release: &str) -> Result<Suite> {
    let value = |key: &str| {
        os_release
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
            .map(|v| v.trim_matches('"').to_owned())
    };
    match value("ID").as_deref() {
        Some("debian") => Ok(Suite {
            name: "sid".to_owned(),
            server: "mysql-server-core",
            plugins: "mysql-server",
        }),
        Some("ubuntu") => Ok(Suite {
            name: value("VERSION_CODENAME").context("/etc/os-release names no VERSION_CODENAME")?,
            server: "mysql-server-core-8.0",
            plugins: "mysql-server-8.0",
        }),
        other => bail!("{} is neither Debian nor Ubuntu", other.unwrap_or("this system")),
    }
}

/// The first archive the machine's own apt sources name that carries the distribution itself, not only its updates.
fn mirror() -> Option<String> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    if let Ok(entries) = fs::read_dir("/etc/apt/sources.list.d") {
        let mut parts: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        parts.sort();
        files.extend(parts);
    }
    files.iter().find_map(|path| {
        let text = fs::read_to_string(path).ok()?;
        let uris = match path.extension()?.to_str()? {
            "list" => one_line_uris(&text),
            "sources" => deb822_uris(&text),
            _ => return None,
        };
        uris.into_iter().find(|uri| is_distribution_archive(uri))
    })
}

fn is_distribution_archive(uri: &str) -> bool {
    let path = uri.trim_end_matches('/');
    path.ends_with("/debian") || path.ends_with("/ubuntu")
}

/// `deb [options] uri suite component…`
fn one_line_uris(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix("deb "))
        .filter_map(|rest| {
            let rest = rest.trim_start();
            let rest = if rest.starts_with('[') {
                rest.split_once(']')?.1
            } else {
                rest
            };
            rest.split_whitespace().next().map(str::to_owned)
        })
        .collect()
}

/// Stanzas of `Field: value` lines, where an indented line continues the field above it.
fn deb822_uris(text: &str) -> Vec<String> {
    let mut uris = Vec::new();
    for stanza in text.replace('\r', "").split("\n\n") {
        let mut found = Vec::new();
        let mut field = String::new();
        let mut enabled = true;
        let mut binary = false;
        for line in stanza.lines().filter(|line| !line.starts_with('#')) {
            let value = match line.split_once(':') {
                Some((name, value)) if !line.starts_with(char::is_whitespace) => {
                    field = name.trim().to_ascii_lowercase();
                    value
                }
                _ => line,
            };
            match field.as_str() {
                "uris" => found.extend(value.split_whitespace().map(str::to_owned)),
                "types" => binary |= value.split_whitespace().any(|kind| kind == "deb"),
                "enabled" => enabled = !value.trim().eq_ignore_ascii_case("no"),
                _ => {}
            }
        }
        if enabled && binary {
            uris.append(&mut found);
        }
    }
    uris
}

/// An apt of its own: its lists, its cache and its (empty) idea of what is installed live in a work directory.
struct Apt {
    work: PathBuf,
    options: Vec<String>,
}

impl Apt {
    fn new(work: &Path, uri: &str, suite: &Suite) -> Result<Self> {
        if work.exists() {
            fs::remove_dir_all(work).with_context(|| format!("removing the remains in {}", work.display()))?;
        }
        for part in ["lists/partial", "cache/archives/partial", "deb"] {
            fs::create_dir_all(work.join(part)).with_context(|| format!("creating {}", work.display()))?;
        }
        let keyring = is_debian(suite) && Path::new(KEYRING).exists();
        let signed_by = if keyring {
            format!("[signed-by={KEYRING}] ")
        } else {
            String::new()
        };
        let components = if is_debian(suite) { "main" } else { "main universe" };
        let sources = work.join("sources.list");
        fs::write(&sources, format!("deb {signed_by}{uri} {} {components}\n", suite.name))
            .with_context(|| format!("writing {}", sources.display()))?;
        let dir = work.display();
        let options = [
            format!("Dir::Etc::sourcelist={}", sources.display()),
            "Dir::Etc::sourceparts=-".to_owned(),
            format!("Dir::State::Lists={dir}/lists"),
            "Dir::State::status=/dev/null".to_owned(),
            format!("Dir::Cache={dir}/cache"),
            "Debug::NoLocking=1".to_owned(),
            "Acquire::Retries=3".to_owned(),
            "Acquire::Languages=none".to_owned(),
        ];
        Ok(Self {
            work: work.to_owned(),
            options: options.into(),
        })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("apt-get");
        command.current_dir(self.work.join("deb")).env("LC_ALL", "C");
        for option in &self.options {
            command.arg("-o").arg(option);
        }
        command.args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Result<String> {
        output(&mut self.command(arguments))
    }

    /// The package and all it needs, as a simulated installation into an empty system lists them.
    fn closure_of(&self, package: &str) -> Result<Vec<String>> {
        let plan = self.run(&["--simulate", "--no-install-recommends", "--yes", "install", package])?;
        let packages: Vec<String> = plan
            .lines()
            .filter_map(|line| line.strip_prefix("Inst "))
            .filter_map(|rest| rest.split_whitespace().next().map(str::to_owned))
            .collect();
        ensure!(!packages.is_empty(), "apt-get finds no package {package} on the mirror");
        Ok(packages)
    }

    fn download(&self, packages: &[String], report: &dyn Fn(&str)) -> Result<()> {
        let mut command = self.command(&["download"]);
        command.args(packages).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("starting apt-get")?;
        let stdout = child.stdout.take().context("apt-get has no output")?;
        let mut fetched = 0;
        for line in BufReader::new(stdout).lines() {
            if line.context("reading what apt-get says")?.starts_with("Get:") {
                fetched += 1;
                report(&format!("MySQL: downloading package {fetched} of {}", packages.len()));
            }
        }
        let done = child.wait_with_output().context("waiting for apt-get")?;
        ensure!(
            done.status.success(),
            "apt-get download failed: {}",
            String::from_utf8_lossy(&done.stderr).trim()
        );
        Ok(())
    }

    fn archives(&self) -> Result<Vec<PathBuf>> {
        let directory = self.work.join("deb");
        let entries = fs::read_dir(&directory).with_context(|| format!("listing {}", directory.display()))?;
        entries.map(|entry| Ok(entry?.path())).collect()
    }
}

fn is_debian(suite: &Suite) -> bool {
    suite.name == "sid"
}

/// Runs a command to its end; what it wrote to stdout, or an error that carries what it wrote to stderr.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let done = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("starting {name}"))?;
    ensure!(
        done.status.success(),
        "{name} failed ({}): {}",
        done.status,
        String::from_utf8_lossy(&done.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_of_apt_sources_are_read() {
        let one_line = "# deb http://off.example/debian x main\ndeb [arch=amd64 signed-by=/k] http://a.example/debian sid main\ndeb-src http://s.example/debian sid main\n";
        assert_eq!(one_line_uris(one_line), ["http://a.example/debian"]);

        let stanzas = "Types: deb\n# URIs: http://old.example/debian\nURIs: http://a.example/debian\n http://b.example/debian/\nSuites: sid\n\nEnabled: no\nTypes: deb\nURIs: http://off.example/debian\n\nTypes: deb-src\nURIs: http://src.example/debian\n";
        assert_eq!(
            deb822_uris(stanzas),
            ["http://a.example/debian", "http://b.example/debian/"]
        );
    }

    #[test]
    fn a_security_archive_is_not_taken_for_the_distribution() {
        assert!(is_distribution_archive("http://a.example/debian/"));
        assert!(!is_distribution_archive("http://a.example/debian-security"));
    }
}
