//! What was measured: kept as JSON, so that a part that is measured again replaces its former figures only.

use std::{collections::BTreeMap, fs, io, path::Path};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::{
    bars::Bar,
    figures::{greatest, grouped, least, median},
    machine::{self, Machine},
    page, plot,
    stage::{PartName, Stage, repository},
};

/// What a figure is a number of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    Ratio,
    Seconds,
    Milliseconds,
    Microseconds,
    PerSecond,
    Mebibytes,
}

impl Unit {
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Self::Ratio if value < 0.1 => format!("{value:.3}"),
            Self::Ratio => format!("{value:.2}"),
            Self::Seconds => format!("{value:.2} s"),
            Self::Milliseconds => format!("{value:.1} ms"),
            Self::Microseconds => format!("{value:.1} µs"),
            Self::PerSecond => format!("{}/s", grouped(value.max(0.0).round() as u64)),
            Self::Mebibytes => format!("{value:.1} MiB"),
        }
    }
}

/// One figure, measured once a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Measurement {
    pub(crate) name: String,
    pub(crate) unit: Unit,
    /// The median of the samples, or their greatest; none if there is no sample.
    pub(crate) value: Option<f64>,
    pub(crate) bar: Option<Bar>,
    pub(crate) is_met: Option<bool>,
    pub(crate) samples: Vec<f64>,
}

impl Measurement {
    /// Compares it with what must hold.
    pub(crate) fn bar(&mut self, bar: Bar) -> &mut Self {
        self.bar = Some(bar);
        self.is_met = self.value.map(|value| bar.is_met_by(value));
        self
    }

    pub(crate) fn shown_value(&self) -> String {
        self.value
            .map_or("not measured".to_owned(), |value| self.unit.show(value))
    }

    pub(crate) fn shown_bar(&self) -> String {
        match self.bar {
            None => String::new(),
            Some(Bar::AtMost(limit)) => format!("≤ {}", self.unit.show(limit)),
            Some(Bar::AtLeast(limit)) => format!("≥ {}", self.unit.show(limit)),
        }
    }

    pub(crate) fn verdict(&self) -> &'static str {
        match (self.bar, self.is_met) {
            (None, _) => "",
            (Some(_), Some(true)) => "met",
            (Some(_), Some(false)) => "MISSED",
            (Some(_), None) => "unknown",
        }
    }

    /// The least and the greatest sample, if there are several.
    pub(crate) fn spread(&self) -> String {
        match (least(&self.samples), greatest(&self.samples)) {
            (Some(least), Some(greatest)) if self.samples.len() > 1 => {
                format!("{} … {}", self.unit.show(least), self.unit.show(greatest))
            }
            _ => String::new(),
        }
    }
}

/// All figures of a part, and how they came about.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) date: String,
    pub(crate) commit: String,
    pub(crate) profile: String,
    pub(crate) runs: usize,
    pub(crate) measurements: Vec<Measurement>,
    /// What a reader has to know.
    pub(crate) remarks: Vec<String>,
    /// Why it was not measured to its end.
    pub(crate) failure: Option<String>,
}

impl Part {
    pub(crate) fn begin(stage: &Stage) -> Self {
        let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
        Self {
            date: machine::now(),
            commit: machine::commit(),
            profile: profile.to_owned(),
            runs: stage.runs(),
            measurements: Vec::new(),
            remarks: Vec::new(),
            failure: None,
        }
    }

    /// Adds the median of what the runs measured.
    pub(crate) fn median(&mut self, name: impl Into<String>, unit: Unit, samples: &[f64]) -> &mut Measurement {
        self.add(name.into(), unit, samples, median(samples))
    }

    /// Adds the greatest of what the runs measured.
    pub(crate) fn greatest(&mut self, name: impl Into<String>, unit: Unit, samples: &[f64]) -> &mut Measurement {
        self.add(name.into(), unit, samples, greatest(samples))
    }

    fn add(&mut self, name: String, unit: Unit, samples: &[f64], value: Option<f64>) -> &mut Measurement {
        self.measurements.push(Measurement {
            name,
            unit,
            value,
            bar: None,
            is_met: None,
            samples: samples.to_vec(),
        });
        let last = self.measurements.len() - 1;
        &mut self.measurements[last]
    }

    pub(crate) fn remark(&mut self, text: impl Into<String>) {
        self.remarks.push(text.into());
    }
}

/// All parts, some of them perhaps of an earlier run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) parts: BTreeMap<String, Part>,
}

impl Report {
    /// What was measured before on this machine, if anything was.
    pub(crate) fn load(folder: &Path, machine: Machine) -> Result<Self> {
        let fresh = |machine| Self {
            machine,
            parts: BTreeMap::new(),
        };
        let path = folder.join("latest.json");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(fresh(machine)),
            Err(error) => bail!("reading {}: {error}", path.display()),
        };
        let found: Self =
            serde_json::from_str(&text).with_context(|| format!("{} is no report: move it away", path.display()))?;
        // Figures of another machine or server are not to be mixed with these.
        Ok(if found.machine == machine {
            found
        } else {
            fresh(machine)
        })
    }

    pub(crate) fn put(&mut self, name: PartName, mut part: Part) {
        // Whoever reads it has another folder.
        let folder = format!("{}/", repository().display());
        for text in part.remarks.iter_mut().chain(&mut part.failure) {
            *text = text.replace(&folder, "");
        }
        self.parts.insert(name.to_string(), part);
    }

    /// Writes `latest.json`, `latest.md` and `latest.svg`.
    pub(crate) fn save(&self, folder: &Path) -> Result<()> {
        let json = serde_json::to_string_pretty(self).context("writing the report as JSON")?;
        for (name, text) in [
            ("latest.json", format!("{json}\n")),
            ("latest.md", page::markdown(self)),
            ("latest.svg", plot::draw(self)),
        ] {
            let path = folder.join(name);
            fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        }
        Ok(())
    }

    /// For the terminal: the figures of these parts.
    pub(crate) fn table(&self, names: &[PartName]) -> String {
        let names: Vec<String> = names.iter().map(PartName::to_string).collect();
        let parts = self.in_order().filter(|(name, _)| names.contains(name));
        page::terminal(parts)
    }

    /// The parts in the order of their declaration.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = (&String, &Part)> {
        use clap::ValueEnum;
        let names = PartName::value_variants().iter().map(PartName::to_string);
        names.filter_map(|name| self.parts.get_key_value(&name))
    }
}
