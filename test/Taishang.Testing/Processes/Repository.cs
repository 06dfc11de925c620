namespace Taishang.Testing.Processes;

/// <summary>Where the project and its test data lie, found from where the tests run.</summary>
public static class Repository
{
    /// <summary>The folder of Taishang.slnx.</summary>
    public static string Root { get; } = Find();

    /// <summary>Real data for tests that use it: TAISHANG_TEST_DATA, or `shared/data` beside the repository; null where
    /// there is none, and such tests skip.</summary>
    public static string? TestData
    {
        get
        {
            var folder = Environment.GetEnvironmentVariable("TAISHANG_TEST_DATA")
                ?? Path.GetFullPath(Path.Combine(Root, "..", "shared", "data"));
            return Directory.Exists(folder) ? folder : null;
        }
    }

    private static string Find()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
            if (File.Exists(Path.Combine(folder, "Taishang.slnx"))) return folder;
        throw new InvalidOperationException($"no Taishang.slnx above {AppContext.BaseDirectory}");
    }
}
