namespace Taishang.VectorEngine;

/// <summary>
/// Keeps a second opener, in this process or another, out of a collection's folder: two logs written side by side would
/// destroy each other. The system releases it when the process ends, however it ends.
/// </summary>
internal sealed class FolderLock : IDisposable
{
    private const string FileName = "lock";

    private readonly FileStream _file;

    private FolderLock(FileStream file) => _file = file;

    /// <summary>Runs an opener under the lock, which what it opened then owns; releases it when the opener fails.
    /// </summary>
    /// <exception cref="IOException">The folder is open already.</exception>
    public static T Hold<T>(string folder, Func<FolderLock, T> open)
    {
        FileStream file;
        try
        {
            file = new FileStream(
                Path.Combine(folder, FileName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException exception)
        {
            throw new IOException($"{folder} is open already, here or in another process", exception);
        }

        try
        {
            return open(new FolderLock(file));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public void Dispose() => _file.Dispose();
}
