//! The DER encodings needed for timestamps and certificate claims.

/// A value of any tag.
pub fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut der = vec![tag];
    match u8::try_from(content.len()) {
        Ok(length @ 0..=127) => der.push(length),
        Ok(length) => der.extend([0x81, length]),
        Err(_) => {
            der.push(0x82);
            der.extend(u16::try_from(content.len()).expect("nothing here is longer").to_be_bytes());
        }
    }
    der.extend_from_slice(content);
    der
}

pub fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tagged(0x30, &parts.concat())
}

/// The parts must be in DER order.
pub fn set(parts: &[Vec<u8>]) -> Vec<u8> {
    tagged(0x31, &parts.concat())
}

/// A small, positive number.
pub fn integer(value: u8) -> Vec<u8> {
    tagged(0x02, &[value])
}

pub fn octets(content: &[u8]) -> Vec<u8> {
    tagged(0x04, content)
}

pub fn utf8(text: &str) -> Vec<u8> {
    tagged(0x0c, text.as_bytes())
}

/// A time in seconds since 1970.
pub fn time(seconds: i64) -> Vec<u8> {
    let time = chrono::DateTime::from_timestamp(seconds, 0).expect("a time");
    tagged(0x18, time.format("%Y%m%d%H%M%SZ").to_string().as_bytes())
}

pub fn oid(numbers: &[u64]) -> Vec<u8> {
    let mut content = vec![u8::try_from(numbers[0] * 40 + numbers[1]).expect("the first two fit in a byte")];
    for number in &numbers[2..] {
        let groups = (0..9).rev().map(|group| (number >> (7 * group)) & 0x7f).skip_while(|group| *group == 0);
        let mut groups: Vec<u8> = groups.map(|group| group as u8 | 0x80).collect();
        match groups.last_mut() {
            Some(last) => *last &= 0x7f,
            None => groups.push(0),
        }
        content.extend(groups);
    }
    tagged(0x06, &content)
}
