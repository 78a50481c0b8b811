//! Figures in columns.

use crate::prelude::*;

/// Keeps lines whose fields are divided by tabs for a report, and prints them.
pub(crate) fn keep(name: &str, text: &str, chosen: &[usize]) -> Result<(), String> {
    let file = target_dir("bench").join(name);
    let written = fs::create_dir_all(target_dir("bench")).and_then(|()| fs::write(&file, text));
    written.map_err(|error| format!("{}: {error}", file.display()))?;
    print(text, chosen);
    println!("\n{}", file.display());
    Ok(())
}

/// Prints lines whose fields are divided by tabs: the fields of these numbers, or all, each as wide
/// as it has to be.
pub(crate) fn print(text: &str, chosen: &[usize]) {
    print!("\n{}", aligned(text, chosen));
}

fn aligned(text: &str, chosen: &[usize]) -> String {
    let fields = |line: &'_ str| -> Vec<String> {
        let all: Vec<&str> = line.split('\t').collect();
        let numbers = if chosen.is_empty() { (0..all.len()).collect() } else { chosen.to_vec() };
        numbers.into_iter().filter_map(|at| all.get(at).map(|field| (*field).to_owned())).collect()
    };
    let lines: Vec<Vec<String>> = text.lines().map(fields).collect();
    let wide =
        |at: usize| lines.iter().filter_map(|line| line.get(at)).map(|field| field.chars().count()).max().unwrap_or(0);
    let shown = lines.iter().map(|line| {
        let fields = line.iter().enumerate().map(|(at, field)| format!("{field:<0$}", wide(at)));
        fields.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::aligned;

    #[test]
    fn each_column_is_as_wide_as_its_widest_field() {
        assert_eq!(aligned("a\tb\tc\nlong\tx\ty\n", &[]), "a     b  c\nlong  x  y\n");
        assert_eq!(aligned("a\tb\tc\nlong\tx\ty\n", &[2, 0]), "c  a\ny  long\n");
    }
}
