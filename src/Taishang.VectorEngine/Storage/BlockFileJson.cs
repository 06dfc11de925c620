using System.Text.Json;

namespace Taishang.VectorEngine.Storage;

/// <summary>Small records kept as JSON in a checked file: manifests, lists of snapshots.</summary>
internal static class BlockFileJson
{
    public static void Save<T>(IStorageDevice device, string path, uint kind, T record)
    {
        using var writer = new BlockFileWriter(device, path, kind);
        writer.Write(JsonSerializer.SerializeToUtf8Bytes(record));
        writer.Commit();
    }

    /// <param name="reader">Of the whole file, at its beginning.</param>
    /// <param name="what">What the file holds, for the error.</param>
    /// <param name="bytesMax">More is no such file.</param>
    /// <exception cref="CorruptDataException">It is damaged or no such record.</exception>
    public static T Load<T>(BlockFileReader reader, string what, int bytesMax)
        where T : class
    {
        if (reader.Remaining <= 0 || reader.Remaining > bytesMax)
            throw reader.Corrupt($"a {what} of {reader.Remaining} bytes");

        var json = new byte[reader.Remaining];
        reader.Read(json);
        try
        {
            return JsonSerializer.Deserialize<T>(json) ?? throw reader.Corrupt($"the {what} is null");
        }
        catch (JsonException exception)
        {
            throw reader.Corrupt($"the {what} cannot be read: {exception.Message}");
        }
    }
}
