//! Splitting SQL text into statements, as far as case files need it.

use anyhow::{Result, bail};

use super::Statement;

/// Splits lines into statements. One ends with the delimiter at the end of a line, or with the text. Lines that are empty or
/// hold nothing but a comment are left out between statements.
pub(super) fn split<'a>(lines: impl Iterator<Item = (usize, &'a str)>) -> Result<Vec<Statement>> {
    let mut delimiter = ";".to_owned();
    let mut statements = Vec::new();
    let mut current: Option<Statement> = None;
    for (number, line) in lines {
        let trimmed = line.trim();
        if current.is_none() {
            if trimmed.is_empty() || is_comment(trimmed) {
                continue;
            }
            if let Some(word) = trimmed.strip_prefix("DELIMITER ") {
                delimiter = word.trim().to_owned();
                continue;
            }
        }
        let statement = current.get_or_insert_with(|| Statement {
            sql: String::new(),
            line: number,
        });
        if !statement.sql.is_empty() {
            statement.sql.push('\n');
        }
        match line.trim_end().strip_suffix(delimiter.as_str()) {
            Some(last) => {
                statement.sql.push_str(last);
                statements.extend(current.take());
            }
            None => statement.sql.push_str(line),
        }
    }
    if delimiter != ";" {
        bail!("the delimiter is still {delimiter} at the end of the section; write DELIMITER ;");
    }
    if let Some(mut last) = current {
        last.sql.truncate(last.sql.trim_end().len());
        statements.push(last);
    }
    Ok(statements)
}

fn is_comment(line: &str) -> bool {
    line == "--" || line.starts_with("-- ") || line.starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sql(text: &str) -> Vec<String> {
        let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
        split(lines).unwrap().into_iter().map(|s| s.sql).collect()
    }

    #[test]
    fn a_statement_ends_at_the_end_of_a_line() {
        assert_eq!(
            sql("-- one\nINSERT INTO t\nVALUES (';'); \n\nDELETE FROM t\n"),
            ["INSERT INTO t\nVALUES (';')", "DELETE FROM t"]
        );
    }

    #[test]
    fn another_delimiter_keeps_semicolons() {
        assert_eq!(
            sql("DELIMITER //\nCREATE TRIGGER x\nBEGIN\n  SET @a = 1;\nEND//\nDELIMITER ;\nSELECT 1;"),
            ["CREATE TRIGGER x\nBEGIN\n  SET @a = 1;\nEND", "SELECT 1"]
        );
        assert!(split([(1, "DELIMITER //"), (2, "SELECT 1//")].into_iter()).is_err());
    }
}
