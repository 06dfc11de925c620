using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Data.Sqlite;

namespace Taishang.Server;

/// <summary>
/// Keeps a data folder to one process per part. The lock is the kernel's, on an open file, so it goes with the process
/// however that ends; the note beside it only says who holds it.
/// </summary>
internal sealed class DataFolderLock : IDisposable
{
    private readonly List<FileStream> _locks = [];
    private readonly string _folder;

    private DataFolderLock(string folder) => _folder = folder;

    /// <exception cref="StartRefusedException">Another process holds the folder, or it can not be written.</exception>
    /// <param name="database">The connection that was given; null or empty for the file in the data folder.</param>
    public static DataFolderLock Take(ServerOptions options, string? database = null)
    {
        var held = new DataFolderLock(options.DataFolder);
        try
        {
            Directory.CreateDirectory(options.DataFolder);
            if (options.HasCore) held.Take("core");
            if (options.HasCore && SqliteFile(options, database) is { } file) held.TakeDatabase(file);
            if (options.HasAi) held.Take("ai");
            return held;
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            held.Dispose();
            throw new StartRefusedException(
                ExitCode.DataFolderHeld, $"data folder {options.DataFolder} can not be used: {e.Message}", e);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>Says who holds the folder and where to reach it; also how tests and scripts find ports chosen by the
    /// system.</summary>
    public void Describe(JsonObject description)
    {
        var file = NotePath(_folder);
        File.WriteAllText(file + ".new", description.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
        File.Move(file + ".new", file, overwrite: true);
    }

    public void Dispose()
    {
        foreach (var file in _locks) file.Dispose();
        _locks.Clear();
    }

    private void Take(string part)
    {
        var path = Path.Combine(_folder, part + ".lock");
        try
        {
            _locks.Add(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException e) when (File.Exists(path))
        {
            throw new StartRefusedException(
                ExitCode.DataFolderHeld,
                $"data folder {_folder} is held by another process{Holder()}; stop it or give another --data", e);
        }
    }

    /// <summary>
    /// SQLite takes one writer: two processes would wait for each other, and take each other's running tasks for those
    /// of a dead process. The folder's lock does not see a file that is elsewhere.
    /// </summary>
    private void TakeDatabase(string file)
    {
        var path = file + ".lock";
        try
        {
            if (Path.GetDirectoryName(path) is { Length: > 0 } folder) Directory.CreateDirectory(folder);
            _locks.Add(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException e) when (File.Exists(path))
        {
            throw new StartRefusedException(
                ExitCode.DataFolderHeld,
                $"database {file} is used by another core process, and SQLite takes one; stop that, or give "
                + "--database Host=… for a PostgreSQL, which any number of processes share", e);
        }
    }

    /// <summary>The file behind a connection, by its one true name; null for a server and for memory.</summary>
    private static string? SqliteFile(ServerOptions options, string? database)
    {
        if (string.IsNullOrEmpty(database)) return Path.GetFullPath(Path.Combine(options.DataFolder, "taishang.db"));
        if (database.Contains("Host=", StringComparison.OrdinalIgnoreCase)) return null;
        var file = database.Contains('=') ? new SqliteConnectionStringBuilder(database).DataSource : database;
        if (file.Length == 0 || file.StartsWith(':') || file.StartsWith("file:", StringComparison.Ordinal)) return null;
        var link = new FileInfo(file);
        return link.LinkTarget is null ? link.FullName : link.ResolveLinkTarget(returnFinalTarget: true)?.FullName;
    }

    private string Holder()
    {
        try
        {
            var note = JsonNode.Parse(File.ReadAllText(NotePath(_folder)));
            return $": pid {note?["pid"]}, role {note?["role"]}, since {note?["started_at"]}";
        }
        catch (Exception e) when (e is IOException or JsonException or InvalidOperationException)
        {
            return "";
        }
    }

    private static string NotePath(string folder) => Path.Combine(folder, "server.json");
}
