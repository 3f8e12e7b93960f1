//! The values of EXIF's fields, as `kamadak-exif` reads and names them.

use exif::Tag;

use super::fields::Fields;

/// A value of EXIF's.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Text(String),
    /// What has no meaning that the standard gives it in a few bytes.
    Bytes(Vec<u8>),
    Integer(i64),
    Number(f64),
    /// A rational that is divided by zero: EXIF's way to say that it is not known, or without end.
    Unknown,
    List(Vec<Value>),
}

/// What reading and naming the values takes at the most, each of which is copied some times.
pub(crate) const NANOS: u64 = 150_000;

/// The fields by their names in the standard.
pub(crate) fn named(fields: &Fields) -> Vec<(String, Value)> {
    // It is short, without loops, and right.
    let Ok((read, is_little_endian)) = exif::parse_exif(&fields.write()) else { return Vec::new() };
    let named = |field: exif::Field| (field.tag.to_string(), value(field, is_little_endian));
    read.into_iter().map(named).collect()
}

fn value(field: exif::Field, is_little_endian: bool) -> Value {
    match field.value {
        exif::Value::Ascii(texts) => {
            one_or_all(texts.iter().map(|text| Value::Text(self::text(text))))
        }
        exif::Value::Undefined(bytes, _) => undefined(field.tag, bytes, is_little_endian),
        exif::Value::Byte(values) => integers(values),
        exif::Value::Short(values) => integers(values),
        exif::Value::Long(values) => integers(values),
        exif::Value::SByte(values) => integers(values),
        exif::Value::SShort(values) => integers(values),
        exif::Value::SLong(values) => integers(values),
        exif::Value::Rational(values) => numbers(values.iter().map(|value| value.to_f64())),
        exif::Value::SRational(values) => numbers(values.iter().map(|value| value.to_f64())),
        exif::Value::Float(values) => numbers(values.into_iter().map(f64::from)),
        exif::Value::Double(values) => numbers(values.into_iter()),
        exif::Value::Unknown(..) => Value::Unknown,
    }
}

fn integers<T: Into<i64>>(values: Vec<T>) -> Value {
    one_or_all(values.into_iter().map(|value| Value::Integer(value.into())))
}

fn numbers(values: impl Iterator<Item = f64>) -> Value {
    one_or_all(values.map(
        |value| {
            if value.is_finite() { Value::Number(value) } else { Value::Unknown }
        },
    ))
}

fn one_or_all(values: impl Iterator<Item = Value>) -> Value {
    let mut values: Vec<_> = values.collect();
    if values.len() == 1 { values.swap_remove(0) } else { Value::List(values) }
}

fn undefined(tag: Tag, bytes: Vec<u8>, is_little_endian: bool) -> Value {
    match tag {
        Tag::ExifVersion | Tag::FlashpixVersion | Tag::InteroperabilityVersion => {
            Value::Text(text(&bytes))
        }
        Tag::UserComment | Tag::GPSProcessingMethod | Tag::GPSAreaInformation => {
            Value::Text(comment(&bytes, is_little_endian))
        }
        _ => match bytes[..] {
            [byte] => Value::Integer(byte.into()),
            _ => Value::Bytes(bytes),
        },
    }
}

/// UTF-8 where it is that, else Latin-1, without what pads it.
fn text(bytes: &[u8]) -> String {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect(),
    };
    text.trim_end_matches([' ', '\0']).to_owned()
}

/// A text whose first eight bytes tell its encoding.
fn comment(bytes: &[u8], is_little_endian: bool) -> String {
    let Some((encoding, rest)) = bytes.split_at_checked(8) else { return text(bytes) };
    if encoding != b"UNICODE\0" {
        return text(rest);
    }
    let (marked, rest) = match rest {
        [0xFF, 0xFE, rest @ ..] => (Some(true), rest),
        [0xFE, 0xFF, rest @ ..] => (Some(false), rest),
        _ => (None, rest),
    };
    let unit =
        if marked.unwrap_or(is_little_endian) { u16::from_le_bytes } else { u16::from_be_bytes };
    let units = rest.as_chunks().0.iter().map(|&pair| unit(pair));
    let text: String =
        char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    text.trim_end_matches([' ', '\0']).to_owned()
}
