"""The pages of finance: figures, the reports behind them, files, and what the figures are worth."""
