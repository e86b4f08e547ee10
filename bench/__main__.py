"""`make bench`: every measurement, one after the other."""

from bench import page, site

if __name__ == "__main__":
    page.main()
    print(f"{site.CONNECTIONS} connections, one site process, medians of {site.REPEATS} runs")
    site.main()
