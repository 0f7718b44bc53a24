"""During training: models, decisions, intervals and pictures, which stages share."""
