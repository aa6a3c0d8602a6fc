//! Texts compared without case, and globs over them.

/// Lower case, character by character, so that a pattern and the text it came from stay alike.
pub(crate) fn lower(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// A pattern of a whole text, case aside: `*` is any run, `?` one character, all else itself.
#[derive(Clone, Debug)]
pub(crate) struct Glob(Vec<char>);

impl Glob {
    /// Reads a pattern; every text is one. Several `*` in a row are one: all but one of them would cost a step at every text.
    pub(crate) fn new(pattern: &str) -> Self {
        let mut pattern: Vec<char> = lower(pattern).chars().collect();
        pattern.dedup_by(|next, before| (*next, *before) == ('*', '*'));
        Self(pattern)
    }

    /// Whether the text fits. Of several `*` only the last is tried again, so the work is at most the product of the lengths; a
    /// pattern longer than the text ends at once.
    pub(crate) fn fits(&self, text: &str) -> bool {
        let (glob, text) = (&self.0, lower(text).chars().collect::<Vec<char>>());
        // Of a pattern without `**`, every second character is another one.
        if glob.len() > 2 * text.len() + 1 {
            return false;
        }
        let (mut at, mut read) = (0, 0);
        // Where the last `*` stood and what it had taken.
        let mut star: Option<(usize, usize)> = None;
        while read < text.len() {
            match glob.get(at) {
                Some('*') => {
                    star = Some((at, read));
                    at += 1;
                }
                Some(c) if *c == '?' || *c == text[read] => {
                    at += 1;
                    read += 1;
                }
                _ => {
                    let Some((stood, taken)) = star else { return false };
                    star = Some((stood, taken + 1));
                    at = stood + 1;
                    read = taken + 1;
                }
            }
        }
        glob.iter().skip(at).all(|c| *c == '*')
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn glob(pattern: &str, text: &str) -> bool {
        Glob::new(pattern).fits(text)
    }

    /// The definition, straight.
    fn by_definition(glob: &[char], text: &[char]) -> bool {
        match (glob.split_first(), text.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), _) => {
                by_definition(rest, text) || (!text.is_empty() && by_definition(glob, &text[1..]))
            }
            (Some((c, rest)), Some((d, tail))) => (*c == '?' || c == d) && by_definition(rest, tail),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn globs_do_what_their_definition_says(pattern in "[ab*?]{0,8}", text in "[ab]{0,8}") {
            let chars = |text: &str| text.chars().collect::<Vec<char>>();
            prop_assert_eq!(glob(&pattern, &text), by_definition(&chars(&pattern), &chars(&text)));
        }
    }

    #[test]
    fn stars_in_a_row_cost_as_much_as_one() {
        assert_eq!(Glob::new(&format!("a{}B{}", "*".repeat(30_000), "*".repeat(3))).0, ['a', '*', 'b', '*']);
        assert!(glob(&format!("{}b", "*".repeat(30_000)), "ab"));
        assert!(!glob(&"?*".repeat(3), "ab"));
    }

    #[test]
    fn globs_ignore_case_and_take_the_rest_literally() {
        let rows = [
            ("NIGHT*", "nightly export", true),
            ("night", "nightly", false),
            ("ÄR?er", "ärGER", true),
            ("[a]*", "a", false),
            ("a.b", "axb", false),
            ("*", "", true),
            ("?", "", false),
            ("İ*", "İstanbul", true),
        ];
        for (pattern, text, expected) in rows {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn long_patterns_end_in_time() {
        let pattern = format!("{}b", "*a".repeat(20_000));
        assert!(!glob(&pattern, &"a".repeat(255)));
        let pattern = format!("{}b", "*a".repeat(120));
        assert!(!glob(&pattern, &"a".repeat(255)));
    }
}
