using Taishang.EmbedderTables;

// Makes the two tables that the built-in embedder ships with, and measures a table with weights on the test data.
// scripts/make-embedder-tables calls it.
switch (args)
{
    case ["folding", string unicodeData, string target]:
        return FoldingTable.Write(unicodeData, target);
    case ["idf", string sources, string target]:
        return FrequencyTable.Write(sources, target);
    case ["evaluate", string table, .. string[] trials]:
        return Evaluation.Run(table, trials);
    case ["speed"]:
        return await Evaluation.SpeedAsync();
    default:
        Console.Error.WriteLine("""
            usage: embedder-tables folding UnicodeData.txt TARGET
                   embedder-tables idf SOURCES_FOLDER TARGET
                   embedder-tables evaluate TABLE WEIGHTS...   (weights by kind: 16,12,8,4,24,8,16)
                   embedder-tables speed
            """);
        return 2;
}
