namespace Taishang.ContractDiff.Protos;

/// <summary>Reads what the .proto files of a folder define: as much of the language as changes the wire.</summary>
public static class ProtoFolder
{
    /// <exception cref="IOException">The folder cannot be read.</exception>
    /// <exception cref="FormatException">A file is not proto3; the message names file and line.</exception>
    public static ProtoDefinitions Read(string folder)
    {
        var definitions = new ProtoDefinitions();
        foreach (var file in Directory.EnumerateFiles(folder, "*.proto", SearchOption.AllDirectories).Order())
            Parse(Path.GetRelativePath(folder, file), File.ReadAllText(file), definitions);
        return definitions;
    }

    /// <summary>Adds what one file defines.</summary>
    public static void Parse(string file, string text, ProtoDefinitions definitions) =>
        new ProtoParser(new ProtoTokens(file, text), definitions).ParseFile();
}
