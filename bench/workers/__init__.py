"""One process per row: started, asked, replaced where they fail; and the code that answers."""
