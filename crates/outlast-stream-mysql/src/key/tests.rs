#![allow(clippy::unwrap_used)]

use super::*;
use crate::table::{Column, Index, Part, Table};

fn column(name: &str, column_type: &str) -> Column {
    Column {
        name: name.to_owned(),
        data_type: column_type.split(['(', ' ']).next().unwrap().to_owned(),
        column_type: column_type.to_owned(),
        charset: None,
        collation: None,
        characters: None,
        bytes: None,
        pads: false,
        nullable: false,
        generated: None,
        auto_increment: false,
        default_is_computed: false,
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
                is_special: false,
                parts: parts
                    .iter()
                    .map(|p| Part {
                        column: Some((*p).to_owned()),
                        descending: false,
                    })
                    .collect(),
            })
            .collect(),
        has_fixed_zone: false,
        is_strict: true,
    }
}

fn choose(source: &Table, shadow: &Table) -> Result<CopyKey> {
    CopyKey::choose(source, shadow, |name| Some(name.to_owned()), None)
}

#[test]
fn the_primary_key_is_preferred_and_a_shared_unique_key_is_second_best() {
    let columns = vec![column("a", "int"), column("b", "bigint unsigned")];
    let both = table(columns.clone(), &[("PRIMARY", &["a", "b"]), ("u", &["b"])]);
    assert_eq!(choose(&both, &both).unwrap().index, "PRIMARY");
    let dropped = table(columns, &[("u", &["b"])]);
    let key = choose(&both, &dropped).unwrap();
    assert_eq!((key.index.as_str(), key.is_same_key), ("PRIMARY", false));
    let without_a = |name: &str| (name != "a").then(|| name.to_owned());
    assert_eq!(CopyKey::choose(&both, &dropped, without_a, None).unwrap().index, "u");
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
            .contains("may become one")
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
        key.is_in(&[at(1, 2), at(3, 4)], Side::Shadow).unwrap(),
        "(`a`,`b`) IN ((1,2),(3,4))"
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

#[test]
fn keys_are_found_again_whatever_their_type_becomes() {
    let literal = |before: Column, after: Column, value: KeyValue| {
        let kind = KeyKind::of(&before).unwrap();
        Conversion::between(&before, &after, true).map(|c| c.literal(&value, &kind))
    };
    let int = |n| KeyValue::Signed(n);
    let text = |name: &str, charset: &str, collation: &str| Column {
        charset: Some(charset.to_owned()),
        collation: Some(collation.to_owned()),
        characters: Some(20),
        ..column("a", name)
    };
    let latin1 = text("varchar(20)", "latin1", "latin1_swedish_ci");
    let utf8mb4 = text("varchar(20)", "utf8mb4", "utf8mb4_bin");
    assert_eq!(
        literal(latin1, utf8mb4.clone(), KeyValue::Text(vec![0xE9])).unwrap(),
        "CONVERT(_latin1 x'E9' USING utf8mb4) COLLATE utf8mb4_bin"
    );
    assert_eq!(
        literal(column("a", "int"), utf8mb4, int(-5)).unwrap(),
        "CONVERT(_utf8mb4 x'2D35' USING utf8mb4) COLLATE utf8mb4_bin"
    );
    let grown = literal(
        column("a", "enum('x','y')"),
        column("a", "enum('x','y','z')"),
        KeyValue::Unsigned(2),
    );
    assert_eq!(grown.unwrap(), "_utf8mb4 x'79'");
    let reordered = literal(
        column("a", "enum('x','y')"),
        column("a", "enum('y','x')"),
        KeyValue::Unsigned(2),
    );
    assert_eq!(reordered.unwrap(), "_utf8mb4 x'79'");
    assert!(literal(column("a", "decimal(10,2)"), column("a", "decimal(10,1)"), int(1)).is_err());
    assert!(literal(column("a", "decimal(10,2)"), column("a", "decimal(12,4)"), int(1)).is_ok());
}

#[test]
fn a_narrower_key_needs_a_strict_server() {
    let narrower = |strict| Conversion::between(&column("a", "int"), &column("a", "tinyint"), strict);
    assert!(narrower(true).is_ok());
    assert!(narrower(false).unwrap_err().contains("not strict"));
}

#[test]
fn ranges_of_descending_parts_and_of_enums_follow_the_index() {
    let mut t = table(
        vec![column("e", "enum('x','y','z')"), column("n", "int")],
        &[("PRIMARY", &["e", "n"])],
    );
    t.indexes[0].parts[1].descending = true;
    let key = choose(&t, &t).unwrap();
    let at = |e, n| key.key(&[KeyValue::Unsigned(e), KeyValue::Signed(n)], Vec::new());
    assert!(at(1, 5) < at(1, 4) && at(1, 4) < at(2, 9));
    let range = KeyRange {
        after: Some(at(2, 7)),
        upto: Some(at(3, 1)),
    };
    assert_eq!(
        key.in_range(&range).unwrap(),
        "(`e` IN (2,3) AND (`e` IN (3) OR (`n` < 7))) AND (`e` IN (0,1,2,3) AND (`e` IN (0,1,2) OR (`n` >= 1)))"
    );
    assert_eq!(key.order_by(Side::Source, false), "`e`, `n` DESC");
}

#[test]
fn members_are_read_as_the_server_writes_them() {
    let members = column("a", r"enum('a,b','it''s','back\\slash','x)')").members();
    assert_eq!(members, ["a,b", "it's", r"back\slash", "x)"]);
}
