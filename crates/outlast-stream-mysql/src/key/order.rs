//! Bytes that compare as values do.

/// Appends bytes of any length so that a shorter value sorts before its extensions, and what follows can't matter.
pub(crate) fn push_bytes(order: &mut Vec<u8>, bytes: &[u8]) {
    for &byte in bytes {
        order.push(byte);
        if byte == 0 {
            order.push(0xFF);
        }
    }
    order.extend([0, 0]);
}

/// Appends a signed integer.
pub(crate) fn push_signed(order: &mut Vec<u8>, value: i64) {
    order.extend((value as u64 ^ (1 << 63)).to_be_bytes());
}

/// Appends an unsigned integer.
pub(crate) fn push_unsigned(order: &mut Vec<u8>, value: u64) {
    order.extend(value.to_be_bytes());
}

/// Appends a floating-point number; both zeros are one.
pub(crate) fn push_float(order: &mut Vec<u8>, value: f64) {
    let bits = (value + 0.0).to_bits();
    let sign = 1 << 63;
    let ordered = if bits & sign == 0 { bits | sign } else { !bits };
    order.extend(ordered.to_be_bytes());
}

/// Appends a decimal number, given as text with at most 65 digits: sign, number of integer digits, digits.
pub(crate) fn push_decimal(order: &mut Vec<u8>, text: &str) {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (integer, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let integer = integer.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    if integer.is_empty() && fraction.is_empty() {
        order.extend([1, 0, 0]);
        return;
    }
    let mut magnitude = vec![integer.len() as u8];
    magnitude.extend(integer.bytes());
    magnitude.extend(fraction.bytes());
    magnitude.push(0);
    if negative {
        order.push(0);
        order.extend(magnitude.iter().map(|b| !b));
    } else {
        order.push(1);
        order.extend(magnitude);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted<T: Copy + std::fmt::Debug + PartialEq>(values: &[T], push: impl Fn(&mut Vec<u8>, T)) {
        let mut encoded: Vec<(Vec<u8>, T)> = values
            .iter()
            .map(|v| {
                let mut order = Vec::new();
                push(&mut order, *v);
                (order, *v)
            })
            .collect();
        encoded.sort_by(|a, b| a.0.cmp(&b.0));
        let after: Vec<T> = encoded.into_iter().map(|(_, v)| v).collect();
        assert_eq!(after, values);
    }

    #[test]
    fn numbers_sort_as_numbers() {
        sorted(&[i64::MIN, -2, -1, 0, 1, i64::MAX], push_signed);
        sorted(&[0, 1, 1 << 63, u64::MAX], push_unsigned);
        sorted(&[-1e300, -1.5, -5e-324, 0.0, 5e-324, 0.1, 1.0, 1e300], push_float);
        sorted(
            &[
                "-100.5", "-100.25", "-9.9", "-0.5", "-0.05", "0.00", "0.05", "0.5", "9.90", "9.91", "10", "100.25",
            ],
            push_decimal,
        );
    }

    #[test]
    fn bytes_sort_as_bytes() {
        sorted(
            &[&b""[..], b"\0", b"\0\0", b"\0a", b"a", b"a\0", b"ab", b"b"],
            push_bytes,
        );
    }

    #[test]
    fn zeros_of_every_sign_and_scale_are_one() {
        let encode = |text| {
            let mut order = Vec::new();
            push_decimal(&mut order, text);
            order
        };
        assert_eq!(encode("-0.00"), encode("0"));
        let (mut negative, mut positive) = (Vec::new(), Vec::new());
        push_float(&mut negative, -0.0);
        push_float(&mut positive, 0.0);
        assert_eq!(negative, positive);
        assert_eq!(encode("1.50"), encode("1.5"));
    }
}
