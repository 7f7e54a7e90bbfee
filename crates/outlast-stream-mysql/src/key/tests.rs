#![allow(clippy::unwrap_used)]

use super::*;

fn column(name: &str, column_type: &str) -> Column {
    Column {
        name: name.to_owned(),
        data_type: column_type.split(['(', ' ']).next().unwrap().to_owned(),
        column_type: column_type.to_owned(),
        charset: None,
        collation: None,
        characters: None,
        pads: false,
        nullable: false,
        generated: false,
        lacks_default: false,
    }
}

fn table(columns: Vec<Column>, unique: &[(&str, &[&str])]) -> Table {
    Table {
        schema: "s".to_owned(),
        name: "t".to_owned(),
        columns,
        indexes: unique
            .iter()
            .map(|(name, parts)| Index {
                name: (*name).to_owned(),
                unique: true,
                visible: true,
                parts: parts.iter().map(|p| Some((*p).to_owned())).collect(),
            })
            .collect(),
        has_fixed_zone: false,
    }
}

fn choose(source: &Table, shadow: &Table) -> Result<CopyKey> {
    CopyKey::choose(source, shadow, |name| Some(name.to_owned()))
}

#[test]
fn the_primary_key_is_preferred_and_a_shared_unique_key_is_second_best() {
    let columns = vec![column("a", "int"), column("b", "bigint unsigned")];
    let both = table(columns.clone(), &[("PRIMARY", &["a", "b"]), ("u", &["b"])]);
    assert_eq!(choose(&both, &both).unwrap().index, "PRIMARY");
    let dropped = table(columns, &[("u", &["b"])]);
    assert_eq!(choose(&both, &dropped).unwrap().index, "u");
}

#[test]
fn a_nullable_key_does_not_identify_rows() {
    let mut nullable = column("a", "int");
    nullable.nullable = true;
    let t = table(vec![nullable], &[("u", &["a"])]);
    assert!(choose(&t, &t).unwrap_err().message().contains("may be NULL"));
}

#[test]
fn a_timestamp_that_two_moments_share_does_not_identify_rows() {
    let mut t = table(vec![column("a", "timestamp(3)")], &[("PRIMARY", &["a"])]);
    assert!(choose(&t, &t).unwrap_err().message().contains("ambiguous"));
    t.has_fixed_zone = true;
    assert!(choose(&t, &t).is_ok());
}

#[test]
fn a_key_whose_values_would_compare_differently_is_not_used() {
    let before = table(vec![column("a", "datetime(6)")], &[("PRIMARY", &["a"])]);
    let after = table(vec![column("a", "datetime")], &[("PRIMARY", &["a"])]);
    assert!(
        choose(&before, &after)
            .unwrap_err()
            .message()
            .contains("compare differently")
    );
    let before = table(vec![column("a", "int")], &[("PRIMARY", &["a"])]);
    let after = table(vec![column("a", "bigint")], &[("PRIMARY", &["a"])]);
    assert!(choose(&before, &after).is_ok());
}

#[test]
fn ranges_of_composite_keys_are_written_for_the_optimizer() {
    let t = table(
        vec![column("a", "int"), column("b", "int")],
        &[("PRIMARY", &["a", "b"])],
    );
    let key = choose(&t, &t).unwrap();
    let at = |a, b| key.key(&[KeyValue::Signed(a), KeyValue::Signed(b)], Vec::new());
    let range = KeyRange {
        after: Some(at(1, -2)),
        upto: Some(at(3, 4)),
    };
    assert_eq!(
        key.in_range(&range).unwrap(),
        "(`a` >= 1 AND (`a` > 1 OR (`b` > -2))) AND (`a` <= 3 AND (`a` < 3 OR (`b` <= 4)))"
    );
    assert_eq!(
        key.is_in(&[at(1, 2), at(3, 4)], true).unwrap(),
        "(`a`, `b`) IN ((1,2),(3,4))"
    );
    assert_eq!(key.in_range(&KeyRange::ALL).unwrap(), "TRUE");
}

#[test]
fn stored_keys_are_read_back_as_they_were() {
    let kinds = [
        (KeyKind::Signed, "-5"),
        (KeyKind::Unsigned, "18446744073709551615"),
        (KeyKind::Decimal, "-12.50"),
        (KeyKind::DateTime, "2024-02-29 23:59:59.123456"),
        (KeyKind::Timestamp, "1709251199.000001"),
        (KeyKind::Time, "-838:59:59.000001"),
        (KeyKind::Binary { pad_to: None }, "00FF7C"),
    ];
    for (kind, text) in kinds {
        let value = KeyValue::from_text(text, &kind).unwrap();
        assert_eq!(value.to_text(), text);
        assert_eq!(KeyValue::from_text(&value.to_text(), &kind).unwrap(), value);
    }
}

#[test]
fn a_stored_key_can_not_smuggle_sql() {
    for kind in [
        KeyKind::Signed,
        KeyKind::Decimal,
        KeyKind::DateTime,
        KeyKind::Time,
        KeyKind::Timestamp,
    ] {
        assert!(KeyValue::from_text("1) OR (1=1", &kind).is_err());
        assert!(KeyValue::from_text("'", &kind).is_err());
    }
}
