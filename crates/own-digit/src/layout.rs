//! Where the digits of a picture stand, and what stands between and beside them.

/// How a picture's digits are set. The default is that of digits in one row with nothing else.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// Of each digit the left, top, right and bottom edge in pixels of the picture, upright; right and bottom lie
    /// behind its last pixel.
    pub boxes: Vec<[u32; 4]>,
    /// Each mark (`.`, `,`, `:` or `-`), and how many digits stand before it. A space stands between two rows.
    pub marks: Vec<(usize, char)>,
    /// What is neither a digit nor such a mark, too large for dust, and no line, frame or edge of a scanner: its edges,
    /// as of a digit.
    pub left_out: Vec<[u32; 4]>,
    /// Whether a part of the ink may be one digit or two that touch.
    pub may_touch: bool,
    /// Whether two parts of the ink may be pieces of one digit, or a digit each.
    pub in_pieces: bool,
}

impl Layout {
    /// Returns the layout in a picture so many times as wide and high, in which this one lies at `left` and `top`.
    pub(crate) fn moved(self, by: [u32; 2], times: [f32; 2]) -> Self {
        let all = |boxes: Vec<[u32; 4]>| boxes.into_iter().map(|edges| moved(edges, by, times)).collect();
        Self { boxes: all(self.boxes), left_out: all(self.left_out), ..self }
    }

    /// Sets the names of the digits, with the marks between them.
    pub(crate) fn text<'a>(&self, names: impl Iterator<Item = &'a str>) -> String {
        let mut text = String::new();
        for (index, name) in names.enumerate() {
            text.extend(self.marks.iter().filter(|(before, _)| *before == index).map(|(_, mark)| mark));
            text += name;
        }
        text
    }
}

/// Returns the edges in a picture so many times as wide and high, in which theirs lies at `left` and `top`.
pub(crate) fn moved(edges: [u32; 4], by: [u32; 2], times: [f32; 2]) -> [u32; 4] {
    let moved = |index: usize| by[index % 2] + (edges[index] as f32 * times[index % 2]).round() as u32;
    [0, 1, 2, 3].map(moved)
}
