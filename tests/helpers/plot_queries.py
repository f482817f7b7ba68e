"""Twenty films in one's own words, written down before any search was tried."""

# Title and year as ml-latest-small has them.
QUERIES = {
    (
        "Jurassic Park",
        1993,
    ): "scientists clone dinosaurs for a theme park on an island and they break loose",
    (
        "The Matrix",
        1999,
    ): "a computer hacker discovers that reality is a simulation run by machines",
    (
        "Titanic",
        1997,
    ): "a rich girl and a poor artist fall in love on a ship that hits an iceberg and sinks",
    ("Finding Nemo", 2003): "a clownfish crosses the ocean to find his lost son",
    ("The Sixth Sense", 1999): "a boy who sees dead people is helped by a child psychologist",
    ("Groundhog Day", 1993): "a weatherman has to live the same day over and over again",
    (
        "Back to the Future",
        1985,
    ): "a teenager travels back in time in a car and meets his parents when they were young",
    ("Jaws", 1975): "a huge shark attacks swimmers at a beach town and the police chief hunts it",
    (
        "Forrest Gump",
        1994,
    ): "a simple man with a low IQ witnesses great events of American history and loves his childhood friend",
    (
        "The Shawshank Redemption",
        1994,
    ): "a banker is sentenced to life in prison for a murder he did not commit and makes a friend",
    (
        "Cast Away",
        2000,
    ): "a man survives a plane crash and lives alone on a deserted island for years",
    (
        "Home Alone",
        1990,
    ): "a boy is left behind by his family at Christmas and defends the house against burglars",
    ("E.T. the Extra-Terrestrial", 1982): "a child befriends an alien who wants to go home",
    (
        "Gladiator",
        2000,
    ): "a Roman general becomes a slave and fights in the arena to take revenge on the emperor",
    ("The Truman Show", 1998): "a man does not know that his whole life is a television show",
    ("Ratatouille", 2007): "a rat who wants to be a chef in a Paris restaurant",
    ("Memento", 2000): "a man who cannot form new memories hunts the killer of his wife",
    ("Apollo 13", 1995): "astronauts try to get home after an accident on the way to the moon",
    ("Up", 2009): "an old man flies to South America in his house with balloons",
    ("Inception", 2010): "a thief who steals secrets from dreams",
}
