//! Text in columns.

/// Rows as lines, each column as wide as its widest cell, two spaces between them, numbers to the right where all of a
/// column are numbers but the first row, which has the names.
pub fn table<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let is_number = |cell: &String| !cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_digit());
    let columns: [(usize, bool); COLUMNS] = std::array::from_fn(|column| {
        (width(column), rows.len() > 1 && rows[1..].iter().all(|row| is_number(&row[column])))
    });
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, (width, is_right)) in row.iter().zip(columns) {
            let space = " ".repeat(width - cell.chars().count());
            let (before, after) = if is_right { (space.as_str(), "") } else { ("", space.as_str()) };
            line += &format!("{before}{cell}{after}  ");
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_are_as_wide_as_they_have_to_be() {
        let rows = [["ROOM", "UNREAD", ""], ["très-long", "7", "x"], ["r", "1200", ""]];
        let rows = rows.map(|row| row.map(str::to_owned));
        assert_eq!(table(&rows), "ROOM       UNREAD\ntrès-long       7  x\nr            1200\n");
        assert_eq!(table::<2>(&[]), "");
    }
}
