"""How the suite itself runs: shut in, held to limits, waiting without measuring."""
