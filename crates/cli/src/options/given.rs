//! Which option was given, where one of several may not be.

/// The first option that was given.
pub fn first_given<const COUNT: usize>(options: [(bool, &'static str); COUNT]) -> Option<&'static str> {
    options.into_iter().find_map(|(is_given, option)| is_given.then_some(option))
}
