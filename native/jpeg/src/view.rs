//! The input as far as it has come: its markers, and its entropy-coded bytes without stuffing.

use memchr::memchr;
use thumbelina_codec::Input;

use crate::quota::Quota;

/// The window of an [`Input`]. Places are counted from the start of the input.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    bytes: &'a [u8],
    /// The place of the first of these.
    start: usize,
    /// Whether nothing comes behind them.
    complete: bool,
}

/// What a search for a marker came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Search {
    /// Where its 0xFF is, and its code.
    Marker(usize, u8),
    /// None before this place, from where to go on.
    Later(usize),
    /// The same, once more has come.
    Starved(usize),
    /// There is none.
    Over,
}

impl<'a> View<'a> {
    pub(crate) fn of(input: &'a Input) -> Self {
        View { bytes: input.bytes(), start: input.start() as usize, complete: input.is_complete() }
    }

    /// Where it ends.
    pub(crate) fn end(&self) -> usize {
        self.start + self.bytes.len()
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.complete
    }

    /// What there is from a place on.
    pub(crate) fn from(&self, at: usize) -> &'a [u8] {
        at.checked_sub(self.start).and_then(|at| self.bytes.get(at..)).unwrap_or_default()
    }

    pub(crate) fn byte(&self, at: usize) -> Option<u8> {
        self.from(at).first().copied()
    }

    /// The same as far as a place, as if the input ended there.
    fn until(&self, end: usize) -> View<'a> {
        let len = end.saturating_sub(self.start);
        if len < self.bytes.len() {
            View { bytes: &self.bytes[..len], complete: true, ..*self }
        } else {
            *self
        }
    }

    /// The first marker at or after `from`, and before `until`: where its 0xFF is, and its code.
    /// Fill bytes and whatever else is no marker are passed over.
    pub(crate) fn find_marker(&self, from: usize, until: usize) -> Option<(usize, u8)> {
        let found = find_marker(self.until(until).from(from));
        found.map(|(at, code)| (from + at, code))
    }

    /// Looks for the first marker at or after `from`, as far as the quota goes.
    pub(crate) fn search(&self, from: usize, quota: &mut Quota<'_>) -> Search {
        let bytes = self.from(from);
        let end = quota.searchable().min(bytes.len());
        let found = find_marker(&bytes[..end]);
        quota.searched(found.map_or(end, |(at, _)| at + 2));
        // Not between a 0xFF and what follows it.
        let before = || from + end - usize::from(end > 0 && bytes[end - 1] == 0xFF);
        match found {
            Some((at, code)) => Search::Marker(from + at, code),
            None if end < bytes.len() => Search::Later(before()),
            None if self.complete => Search::Over,
            None => Search::Starved(before()),
        }
    }

    /// The same, as if the input ended at `end`.
    pub(crate) fn search_until(&self, from: usize, end: usize, quota: &mut Quota<'_>) -> Search {
        self.until(end).search(from, quota)
    }

    /// Appends entropy-coded bytes from `from` on to `out`, without stuffing, until about `most`
    /// were taken. Returns where it stopped, and whether a marker or the end of the input is there.
    pub(crate) fn unstuff(&self, from: usize, most: usize, out: &mut Vec<u8>) -> (usize, bool) {
        let bytes = self.from(from);
        let end = most.min(bytes.len());
        let mut at = 0;
        while at < end {
            let rest = &bytes[at..end];
            let Some(until) = memchr(0xFF, rest) else {
                out.extend_from_slice(rest);
                at = end;
                break;
            };
            match bytes.get(at + until + 1) {
                Some(0) => {
                    out.extend_from_slice(&rest[..=until]);
                    at += until + 2;
                }
                next => {
                    out.extend_from_slice(&rest[..until]);
                    // It depends on what is still to come.
                    return (from + at + until, next.is_some() || self.complete);
                }
            }
        }
        (from + at, self.complete && at >= bytes.len())
    }

    /// The place of the byte that is the `unstuffed`th after `from`.
    pub(crate) fn stuffed(&self, from: usize, mut unstuffed: usize) -> usize {
        let mut at = from;
        while unstuffed > 0 {
            let rest = self.from(at);
            let rest = &rest[..unstuffed.min(rest.len())];
            match memchr(0xFF, rest) {
                None => return (at + rest.len()).min(self.end()),
                Some(until) => {
                    // A 0xFF that belongs to the data has a stuffed byte behind it.
                    at += until + 2;
                    unstuffed -= until + 1;
                }
            }
        }
        at.min(self.end())
    }
}

fn find_marker(bytes: &[u8]) -> Option<(usize, u8)> {
    let mut at = 0;
    loop {
        at += memchr(0xFF, bytes.get(at..)?)?;
        match bytes.get(at + 1)? {
            0x00 => at += 2,
            // There may be any number of these.
            0xFF => at += bytes[at + 1..].iter().position(|&byte| byte != 0xFF)?,
            &code => return Some((at, code)),
        }
    }
}

#[cfg(test)]
mod tests {
    use thumbelina_codec::Stop;

    use super::*;

    /// As the last of an input of which three bytes are gone.
    fn view(bytes: &[u8], complete: bool) -> View<'_> {
        View { bytes, start: 3, complete }
    }

    #[test]
    fn stuffing_goes_and_markers_stop() {
        let bytes = [1, 0xFF, 0, 2, 0xFF, 0, 0xFF, 0, 3, 0xFF, 0xD9, 4];
        let input = view(&bytes, true);
        let mut out = Vec::new();
        assert_eq!(input.unstuff(3, 100, &mut out), (12, true));
        assert_eq!(out, [1, 0xFF, 2, 0xFF, 0xFF, 3]);
        for (unstuffed, at) in [0, 1, 3, 4, 6, 8, 9].into_iter().enumerate() {
            assert_eq!(input.stuffed(3, unstuffed), 3 + at);
        }
        // In two goes, wherever it is cut.
        for most in 1..9 {
            let mut out = Vec::new();
            let (at, over) = input.unstuff(3, most, &mut out);
            assert!(!over, "{most}");
            assert_eq!(input.unstuff(at, 100, &mut out), (12, true));
            assert_eq!(out, [1, 0xFF, 2, 0xFF, 0xFF, 3]);
        }
        assert_eq!(input.find_marker(3, 15), Some((12, 0xD9)));
        assert_eq!(input.find_marker(3, 13), None);
    }

    #[test]
    fn what_has_not_come_may_be_stuffing_or_a_marker() {
        let bytes = [1, 0xFF, 0, 2, 0xFF, 0, 0xFF, 0, 3, 0xFF, 0xD9, 4];
        for come in 0..bytes.len() {
            let mut out = Vec::new();
            let (at, ended) = view(&bytes[..come], false).unstuff(3, 100, &mut out);
            assert_eq!(ended, come > 10, "{come}");
            assert_eq!(view(&bytes, true).unstuff(at, 100, &mut out), (12, true));
            assert_eq!(out, [1, 0xFF, 2, 0xFF, 0xFF, 3]);
        }
    }

    #[test]
    fn fill_bytes_are_no_markers() {
        assert_eq!(find_marker(&[0xFF, 0xFF, 0xD0]), Some((1, 0xD0)));
        assert_eq!(find_marker(&[1, 0xFF]), None);
        assert_eq!(find_marker(&[0xFF; 9]), None);
        assert_eq!(find_marker(&[0xFF, 0xFF, 0xFF, 0, 0xFF, 0xFF, 0xC4]), Some((5, 0xC4)));
    }

    #[test]
    fn searches_go_on_where_they_stopped() {
        let (bytes, stop) = ([0, 0xFF, 1, 0xC4], Stop::new());
        for number in 0..4usize.pow(7) {
            let input: Vec<u8> = (0..7).map(|i| bytes[number >> (2 * i) & 3]).collect();
            // Once with a quota that is spent, once with input that comes byte by byte.
            for pieces in [false, true] {
                let (mut from, mut come) = (3, if pieces { 0 } else { 7 });
                let found = loop {
                    let mut quota = Quota::of_a_call(&stop);
                    if !pieces {
                        quota.spent(usize::MAX);
                    }
                    match view(&input[..come], come == 7).search(from, &mut quota) {
                        Search::Later(at) => {
                            assert!(!pieces && at > from && at <= from + 2, "{input:?} at {from}");
                            from = at;
                        }
                        Search::Starved(at) => {
                            assert!(pieces && at >= from, "{input:?} at {from}");
                            (from, come) = (at, come + 1);
                        }
                        Search::Marker(at, code) => break Some((at - 3, code)),
                        Search::Over => break None,
                    }
                };
                assert_eq!(found, find_marker(&input), "{input:?}");
            }
        }
    }
}
