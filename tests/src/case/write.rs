//! Writing case files: what a random case that failed is shown as.

use std::fmt;

use super::{Case, Expect, Stage, Statement};

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "-- {}", self.description)?;
        if let Some(table) = &self.table {
            writeln!(f, "-- @table {table}")?;
        }
        if let Some(options) = &self.options {
            writeln!(f, "-- @options {}", options.join(" "))?;
        }
        if !self.errors.is_empty() {
            let errors: Vec<String> = self.errors.iter().map(u16::to_string).collect();
            writeln!(f, "-- @errors {}", errors.join(" "))?;
        }
        for statement in &self.session {
            writeln!(f, "-- @session {statement}")?;
        }
        for (name, value) in &self.globals {
            writeln!(f, "-- @global {name} = {value}")?;
        }
        if self.time {
            writeln!(f, "-- @time")?;
        }
        if self.instant {
            writeln!(f, "-- @path instant")?;
        }
        match &self.expect {
            Expect::Same => {}
            Expect::Refused(text) => writeln!(f, "-- @expect refused {text}")?,
            Expect::Fails(text) => writeln!(f, "-- @expect fails {text}")?,
            Expect::Stops(text) => writeln!(f, "-- @expect stops {text}")?,
        }
        for stage in &self.restarts {
            writeln!(f, "-- @restart {stage}")?;
        }
        if let Some(peers) = &self.peers {
            writeln!(f, "-- @peers {peers}")?;
        }
        write_section(f, "create", &self.create)?;
        writeln!(f, "-- @alter\n{}", self.alter)?;
        write_section(f, "dml", &self.round)?;
        for stage in Stage::ALL {
            write_section(f, &format!("dml {stage}"), self.once(stage))?;
        }
        Ok(())
    }
}

fn write_section(f: &mut fmt::Formatter<'_>, words: &str, statements: &[Statement]) -> fmt::Result {
    if statements.is_empty() {
        return Ok(());
    }
    writeln!(f, "-- @{words}")?;
    for Statement { sql, .. } in statements {
        // A semicolon at the end of one of its lines would end it there.
        match sql.contains(";\n") {
            true => writeln!(f, "DELIMITER //\n{sql}//\nDELIMITER ;")?,
            false => writeln!(f, "{sql};")?,
        }
    }
    Ok(())
}
